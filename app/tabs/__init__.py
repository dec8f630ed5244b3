"""One file a tab: layout and wiring only. Each handler is one call on Explorer."""
