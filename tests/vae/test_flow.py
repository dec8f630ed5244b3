"""The flow prior: it draws what it was trained on, what it is asked for, and comes back from its file."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from train.flow import fit_flow, label_positions
from vae.checkpoint import PRIOR
from vae.flow import Flow, initial_weights, velocity, weight_shapes
from vae.latent import Posterior
from vae.priors import PriorError, load_priors, save_priors

CENTRES = {"left": (-4.0, 0.0, 1.0), "right": (4.0, 0.0, 1.0), "up": (0.0, 6.0, 1.0)}


def noise(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 3)).astype(np.float32)


def uniform(count: int) -> np.ndarray:
    return np.random.default_rng(7).random(count)


@pytest.fixture(scope="module")
def flow(quick_compiling) -> Flow:
    """Trained on three clusters far apart: the labels of one column. The other has nothing to do with them."""
    names = np.repeat([*CENTRES], 300)
    mean = np.array([CENTRES[name] for name in names], np.float32) + 0.2 * noise(900, seed=3)
    labels = {"place": names.tolist(), "coin": ["heads", "tails"] * 450, "name": [str(i) for i in range(900)]}
    posterior = Posterior(mean, np.full_like(mean, np.log(0.1**2)))
    return fit_flow(posterior, labels, 800, width=64, blocks=2)


def nearest(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cluster that each latent is nearest to, and how far its middle is."""
    distances = np.linalg.norm(latents[:, None] - np.array([*CENTRES.values()]), axis=-1)
    return np.array([*CENTRES])[distances.argmin(1)], distances.min(1)


def test_it_draws_the_clusters_and_hardly_anything_between_them(flow):
    latents = flow(noise(300), uniform(300))
    names, distances = nearest(latents)
    assert latents.dtype == np.float32
    assert np.quantile(distances, 0.9) < 1.5, "they are 7 to 8 apart"
    for name in CENTRES:
        assert 60 < np.sum(names == name) < 140, "as often as they occur"


@pytest.mark.parametrize("place", [*CENTRES])
def test_it_draws_the_label_that_it_is_asked_for(flow, place):
    names, distances = nearest(flow.of(place=place)(noise(100), uniform(100)))
    assert np.mean(names == place) > 0.98
    assert np.median(distances) < 1, "guidance overshoots a little"
    names, _ = nearest(flow.of(place=place, coin="heads")(noise(100), uniform(100)))
    assert np.mean(names == place) > 0.95


def test_another_label_alone_leaves_the_rest_open(flow):
    names, _ = nearest(flow.of(coin="heads")(noise(200), uniform(200)))
    assert set(names) == set(CENTRES)


def test_a_latent_does_not_depend_on_how_many_are_drawn_with_it(flow):
    many = flow(noise(70), uniform(70))
    np.testing.assert_array_equal(flow(noise(70)[:3], uniform(70)[:3]), many[:3])


def test_less_noise_is_nearer_to_the_middle(flow):
    left = flow.of(place="left")
    spreads = [left(t * noise(100), uniform(100)).std(0).sum() for t in (0.3, 1.0)]
    assert spreads[0] < 0.7 * spreads[1]


def test_what_it_cannot_be_asked_for_is_named(flow):
    with pytest.raises(ValueError, match="no label column 'colour'; there are: place, coin"):
        flow.of(colour="red")
    with pytest.raises(ValueError, match="place has no label 'down'; it has: left, right, up"):
        flow.of(place="down")


def test_columns_of_names_and_of_one_label_are_left_out():
    known, positions = label_positions(
        {"kind": ["a", "b", "", "a"] * 10, "name": [str(i) for i in range(40)], "same": ["x"] * 40}, 40
    )
    assert known.names == {"kind": ("a", "b")}
    assert positions[:4, 0].tolist() == [0, 1, 2, 0], "an unlabelled picture stands behind the last label"


def test_latents_without_labels_or_variance_are_learnt_too(tmp_path):
    mean = 3 + 0.5 * noise(200)
    flow = fit_flow(Posterior(mean, None), {}, 300, width=32, blocks=1)
    latents = flow(noise(200), uniform(200))
    np.testing.assert_allclose(latents.mean(0), mean.mean(0), atol=0.2)
    np.testing.assert_allclose(latents.std(0), mean.std(0), rtol=0.3)
    save_priors(tmp_path, [flow])
    again = load_priors(tmp_path, (3,))["flow"]
    np.testing.assert_allclose(again(noise(5), uniform(5)), flow(noise(5), uniform(5)), atol=0.02)


def test_the_network_begins_at_rest_and_knows_the_time_and_the_labels():
    weights = initial_weights(jax.random.key(0), weight_shapes((3,), [2], 16, 1))
    at = (jnp.asarray(noise(4)), jnp.full(4, 0.5), jnp.array([[0], [1], [2], [0]]))
    np.testing.assert_array_equal(velocity(weights, *at), 0)
    rng = np.random.default_rng(0)
    weights = {name: array + 0.1 * rng.standard_normal(array.shape) for name, array in weights.items()}
    before = velocity(weights, *at)
    assert not np.allclose(before, velocity(weights, at[0], at[1] + 0.1, at[2]))
    assert not np.allclose(before, velocity(weights, at[0], at[1], at[2][::-1]))


def test_what_is_saved_comes_back_with_its_labels(flow, tmp_path):
    save_priors(tmp_path, [flow])
    again = load_priors(tmp_path, (3,))["flow"]
    assert again.labels.names == {"place": ("left", "right", "up"), "coin": ("heads", "tails")}
    asked = [prior.of(place="up")(noise(9), uniform(9)) for prior in (flow, again)]
    np.testing.assert_allclose(*asked, atol=0.05)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"net.enter.kernel": np.zeros((4, 64), "f2")}, "net.enter.kernel has the shape"),
        ({"net.leave.bias": np.array([np.nan, 0, 0], "f2")}, "net.leave.bias holds numbers that are not finite"),
        ({"net.blocks.0.expand.kernel": None}, "is missing"),
        ({"deviation": None}, "deviation is missing"),
        ({"labels": np.frombuffer(b'{"place": 1}', np.uint8)}, "labels cannot be read"),
        ({"labels": np.frombuffer(b"[" * 9000, np.uint8)}, "labels cannot be read"),
        ({"rows": np.full((4, 2), 9, np.int32)}, "rows hold labels that there are not"),
        ({"rows": np.zeros((4, 3), np.int32)}, "rows are no combinations"),
    ],
)
def test_damage_is_explained(flow, changes, words, tmp_path):
    save_priors(tmp_path, [flow])
    tensors = load_file(tmp_path / PRIOR)
    for name, array in changes.items():
        tensors.pop(f"flow.{name}")
        if array is not None:
            tensors[f"flow.{name}"] = array
    save_file(tensors, tmp_path / PRIOR)
    with pytest.raises(PriorError, match=words):
        load_priors(tmp_path, (3,))


def stripes(count: int, seed: int) -> tuple[np.ndarray, list[str]]:
    """Spatial latents of stripes that lie or stand, dark or bright at the edge: each place is fixed by any other."""
    rng = np.random.default_rng(seed)
    signs, lie = rng.choice([-1, 1], count), rng.random(count) < 0.5
    wave = np.array([1, -1, 1, -1], np.float32)
    patterns = np.where(lie[:, None, None], wave[:, None], wave[None]) * signs[:, None, None]
    latents = 2 + patterns[..., None] * [1, -1] + 0.1 * rng.standard_normal((count, 4, 4, 2))
    return latents.astype(np.float32), np.where(lie, "lie", "stand").tolist()


def test_the_places_of_a_spatial_latent_fit_together(quick_compiling, tmp_path):
    latents, lie = stripes(400, seed=0)
    save_priors(tmp_path, [fit_flow(Posterior(latents, None), {"stripes": lie}, 600, width=64, blocks=1)])
    flow = load_priors(tmp_path, (4, 4, 2))["flow"]
    rng = np.random.default_rng(5)
    drawn = flow.of(stripes="lie")(rng.standard_normal((40, 4, 4, 2)), rng.random(40)) - 2
    rows = drawn.mean(2, keepdims=True)
    assert np.abs(rows).mean() > 0.7, "stripes are about as strong as the data's"
    assert np.mean(np.sign(drawn) == np.sign(rows)) > 0.97, "and lie, as was asked"
    assert {*np.sign(drawn[:, 0, 0, 0])} == {-1, 1}, "both kinds of edge are drawn"
    cases = {(4, 4, 3): r"net\.enter\.kernel has the shape", (66, 66, 2): "1,089 tokens; at most 1,024"}
    for shape, words in cases.items():
        with pytest.raises(PriorError, match=words):
            load_priors(tmp_path, shape)
