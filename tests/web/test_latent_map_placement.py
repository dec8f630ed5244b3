"""Which pictures are shown where: greedily placed squares, and the lattice."""

import numpy as np
import pytest

pytestmark = pytest.mark.browser

PLACEMENT = "../widgets/latent_map/placement"
VIEW = "const { Viewport } = await import('/widgets/latent_map/view.js');"


def place(run, places, side=50, size=(800, 500)) -> list[int]:
    expression = """(() => {
        const placement = new m.Placement(side, { width: size[0], height: size[1] });
        places.forEach((place, k) => placement.offer(k, place));
        return placement.ids;
    })()"""
    return run(PLACEMENT, expression, places=places, side=side, size=size)


@pytest.fixture(scope="module")
def crowd():
    """Places in and around a view of 800 x 500 pixels."""
    return np.random.default_rng(0).uniform([-30, -30], [830, 530], (3000, 2))


class TestPlacement:
    def test_no_two_overlap(self, run, crowd):
        found = crowd[place(run, crowd.tolist())]
        apart = np.abs(found[:, None] - found[None]).max(axis=-1)[~np.eye(len(found), dtype=bool)]
        assert len(found) > 60
        assert apart.min() >= 50

    def test_nothing_more_would_fit(self, run, crowd):
        taken = place(run, crowd.tolist())
        others = np.delete(crowd, taken, axis=0)
        others = others[((others >= -25) & (others <= [825, 525])).all(axis=1)]
        nearest = np.abs(others[:, None] - crowd[taken][None]).max(axis=-1).min(axis=1)
        assert nearest.max() < 50

    def test_the_one_offered_first_has_the_place(self, run):
        assert place(run, [[100, 100], [120, 100], [140, 100], [170, 100]]) == [0, 3]
        assert place(run, [[120, 100], [100, 100], [140, 100], [170, 100]]) == [0, 3]
        assert place(run, [[140, 100], [100, 100], [120, 100], [170, 100]]) == [0]

    def test_one_that_is_offered_twice_is_placed_once(self, run):
        assert place(run, [[100, 100], [100, 100]]) == [0]

    @pytest.mark.parametrize(
        ("other", "fits"), [((150, 100), True), ((149.5, 100), False), ((100, 150), True), ((149, 149), False)]
    )
    def test_neighbours_may_touch(self, run, other, fits):
        assert place(run, [[100, 100], other]) == ([0, 1] if fits else [0])

    @pytest.mark.parametrize(
        ("where", "fits"), [((-25, 100), True), ((-26, 100), False), ((400, 525), True), ((400, 526), False)]
    )
    def test_what_is_in_view_in_part_has_its_picture(self, run, where, fits):
        assert place(run, [where]) == ([0] if fits else [])


@pytest.fixture
def lattice(run):
    """`lattice(view, distance)`: the cells of a map of 16 x 8 in a view of 800 x 500 pixels."""

    def cells(view: str = "v", distance: str = "0", near: float = 0, far: float = 0):
        expression = f"""(async () => {{
            {VIEW}
            const bounds = {{ left: 0, right: 16, bottom: 0, top: 8 }};
            const v = new Viewport(bounds, {{ width: 800, height: 500 }});
            const distanceTo = (place, most) => {{ const d = {distance}; return d < most ? d : null; }};
            return {{ ...m.latticeCells({view}, {{ near: {near}, far: {far} }}, distanceTo), scale: {view}.scale }};
        }})()"""
        return run(PLACEMENT, expression)

    return cells


class TestLattice:
    def test_cells_are_44_to_88_pixels_large_at_any_scale(self, lattice):
        for factor in (1, 1.3, 1.7, 2.5, 40):
            found = lattice(f"v.at({{ x: 8, y: 4, scale: {factor} * v.scale }})")
            assert 44 <= found["side"] * found["scale"] <= 88

    def test_they_are_the_same_places_from_wherever_they_are_seen(self, lattice):
        here, there = (lattice(f"v.at({{ x: {x}, y: 4, scale: 3 * v.scale }})") for x in (8, 9.3))
        assert here["side"] == there["side"] == 0.5
        for found in (here, there):
            assert np.array([cell["place"] for cell in found["cells"]]) % 0.5 == pytest.approx(0.25)

    def test_halving_them_halves_their_sides(self, lattice):
        coarse, fine = lattice("v"), lattice("v.zoomed(2)")
        assert coarse["side"] == 2 * fine["side"]

    def test_those_in_the_middle_of_the_view_come_first(self, lattice):
        places = np.array([cell["place"] for cell in lattice()["cells"]])
        assert (np.diff(np.hypot(*(places - [8, 4]).T)) >= -1e-9).all()

    def test_they_cover_the_view(self, lattice):
        found = lattice("v.at({ x: 8, y: 4, scale: 5 * v.scale })")
        width, height = 800 / found["scale"], 500 / found["scale"]
        places = np.array([cell["place"] for cell in found["cells"]])
        assert len(places) >= width * height / found["side"] ** 2
        assert len(np.unique(places, axis=0)) == len(places)

    def test_they_are_solid_among_the_data_and_gone_far_from_it(self, lattice):
        cells = lattice(distance="Math.abs(place[0] - 8)", near=2, far=6)["cells"]
        opacity = {cell["place"][0]: cell["opacity"] for cell in cells}
        assert opacity[8.5] == opacity[9.5] == 1
        assert opacity[12.5] == pytest.approx((6 - 4.5) / 4)
        assert max(abs(x - 8) for x in opacity) < 6

    def test_a_cell_that_holds_data_is_solid_whatever_the_distances(self, lattice):
        cells = lattice(distance="Math.abs(place[0] - 8)", near=0, far=0)["cells"]
        assert {cell["place"][0] for cell in cells if cell["opacity"] == 1} == {7.5, 8.5}
