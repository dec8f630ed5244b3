"""Components of our own, a folder each: a subclass of `app.kit.widget.Widget`, its template, style and script."""
