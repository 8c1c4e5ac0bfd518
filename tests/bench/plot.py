"""Plots as SVG, written by hand: panels of bars, and panels of lines over a logarithmic axis."""

import math

from report import number

FONT = "font-family='sans-serif' font-size='11'"
COLOURS = {"sallyport-uring": "#0b6e4f", "sallyport-epoll": "#3bb273", "hitch": "#8d99ae",
           "haproxy": "#5c677d", "nginx": "#b08968", "stunnel": "#d6ccc2", "relay": "#adb5bd"}
OTHER = "#999999"
COLUMNS = 3
PANEL_WIDTH, GAP = 320, 16
BAR_HEIGHT, LABEL_WIDTH, VALUE_WIDTH = 17, 100, 44
LINES_HEIGHT = 240
MARGIN = {"left": 46, "right": 12, "top": 30, "bottom": 40}


class Drawing:
    """Elements, and where they stand. One element a line."""

    def __init__(self):
        self.elements = []
        self.width = self.height = 0

    def text(self, at, words, anchor="start", more=""):
        words = words.replace("&", "&amp;").replace("<", "&lt;")
        self.elements.append(f"<text x='{at[0]:.0f}' y='{at[1]:.0f}' text-anchor='{anchor}' {more}>"
                             f"{words}</text>")

    def box(self, at, width, height, colour):
        self.elements.append(f"<rect x='{at[0]:.1f}' y='{at[1]:.1f}' width='{max(width, 0):.1f}' "
                             f"height='{height:.1f}' fill='{colour}'/>")

    def line(self, start, end, colour="#333", more=""):
        self.elements.append(f"<line x1='{start[0]:.1f}' y1='{start[1]:.1f}' x2='{end[0]:.1f}' "
                             f"y2='{end[1]:.1f}' stroke='{colour}' {more}/>")

    def dot(self, at, colour):
        self.elements.append(f"<circle cx='{at[0]:.1f}' cy='{at[1]:.1f}' r='3' fill='{colour}'/>")

    def reach(self, x, y):
        self.width, self.height = max(self.width, x), max(self.height, y)

    def svg(self):
        head = (f"<svg xmlns='http://www.w3.org/2000/svg' width='{self.width}' "
                f"height='{self.height}' {FONT}>")
        return "\n".join([head, "<rect width='100%' height='100%' fill='white'/>",
                          *self.elements, "</svg>"]) + "\n"


def in_grid(drawing, panels, height, draw):
    """Each panel at its place, COLUMNS in a row."""
    for index, panel in enumerate(panels):
        left = GAP + (index % COLUMNS) * (PANEL_WIDTH + GAP)
        top = GAP + (index // COLUMNS) * (height + GAP)
        draw(drawing, panel, left, top)
        drawing.reach(left + PANEL_WIDTH + GAP, top + height + GAP)


def bars(panels):
    """Panels are (title, [(name, median, lowest, highest)], floor or None)."""
    drawing = Drawing()
    height = MARGIN["top"] + BAR_HEIGHT * max((len(panel[1]) for panel in panels), default=0) + 4
    in_grid(drawing, panels, height, bar_panel)
    return drawing.svg()


def bar_panel(drawing, panel, left, top):
    title, rows, floor = panel
    start, room = left + LABEL_WIDTH, PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH
    highest = max([row[3] for row in rows] + [floor or 0, 1e-9])
    drawing.text((left, top + 14), title, more="font-weight='bold'")
    for index, (name, median, low, high) in enumerate(rows):
        y = top + MARGIN["top"] + index * BAR_HEIGHT
        drawing.text((start - 6, y + 11), name, "end")
        drawing.box((start, y + 1), median / highest * room, BAR_HEIGHT - 5, colour_of(name))
        middle = y + (BAR_HEIGHT - 3) / 2
        drawing.line((start + low / highest * room, middle),
                     (start + high / highest * room, middle))
        drawing.text((start + high / highest * room + 4, y + 11), number(median))
    if floor:
        x = start + floor / highest * room
        drawing.line((x, top + MARGIN["top"] - 4),
                     (x, top + MARGIN["top"] + len(rows) * BAR_HEIGHT), "#c1121f",
                     "stroke-dasharray='4 2'")


def lines(panels):
    """Panels are (title, axis, {name: [(x, median, lowest, highest)]})."""
    drawing = Drawing()
    in_grid(drawing, panels, LINES_HEIGHT, line_panel)
    names = [name for panel in panels for name in panel[2]]
    legend(drawing, list(dict.fromkeys(names)), drawing.height)
    return drawing.svg()


def line_panel(drawing, panel, left, top):
    title, axis, series = panel
    points = [point for one in series.values() for point in one]
    if not points:
        return
    place = placing(points, left, top)
    bottom, ceiling = top + LINES_HEIGHT - MARGIN["bottom"], max(point[3] for point in points)
    drawing.text((left, top + 14), title, more="font-weight='bold'")
    drawing.text((left + PANEL_WIDTH / 2, bottom + 34), axis, "middle")
    for share in (0, 0.5, 1):
        y = place(points[0][0], ceiling * share)[1]
        drawing.line((left + MARGIN["left"], y), (left + PANEL_WIDTH - MARGIN["right"], y), "#ddd")
        drawing.text((left + MARGIN["left"] - 4, y + 4), number(ceiling * share), "end")
    for x in sorted({point[0] for point in points}):
        drawing.text((place(x, 0)[0], bottom + 16), f"{x:,}", "middle")
    for name, one in series.items():
        line_of(drawing, sorted(one), place, colour_of(name))


def placing(points, left, top):
    """From a figure to where it stands: the x axis is logarithmic, the y axis begins at 0."""
    low, high = (choose(math.log10(point[0]) for point in points) for choose in (min, max))
    ceiling = max(point[3] for point in points)
    width = PANEL_WIDTH - MARGIN["left"] - MARGIN["right"] - 24
    height = LINES_HEIGHT - MARGIN["top"] - MARGIN["bottom"]

    def place(x, y):
        share = (math.log10(x) - low) / (high - low) if high > low else 0.5
        return (left + MARGIN["left"] + 12 + share * width,
                top + MARGIN["top"] + height * (1 - y / ceiling))

    return place


def line_of(drawing, points, place, colour):
    for point, after in zip(points, points[1:]):
        drawing.line(place(*point[:2]), place(*after[:2]), colour, "stroke-width='2'")
    for x, median, low, high in points:
        drawing.line(place(x, low), place(x, high), colour)
        drawing.dot(place(x, median), colour)


def legend(drawing, names, top):
    x = GAP
    for name in names:
        drawing.box((x, top), 12, 12, colour_of(name))
        drawing.text((x + 16, top + 10), name)
        x += 40 + 6.5 * len(name)
    drawing.reach(math.ceil(x), math.ceil(top + 12 + GAP))


def colour_of(name):
    return COLOURS.get(name, OTHER)
