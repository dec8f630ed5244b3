"""One file a tab: layout and wiring only. A handler asks app/explore, and returns updates by component."""
