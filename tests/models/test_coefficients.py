"""From positions to user coefficients and back, and draws for groups without runs."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws.law import GAMMA_LAW, log_loss
from bayes_scaling.models import coefficients as c
from bayes_scaling.models.density import law_arguments
from bayes_scaling.models.design import build_design
from bayes_scaling.models.grid import fill_grid, on_grid, seen_draws
from bayes_scaling.models.hierarchy import Groups
from bayes_scaling.models.spec import ModelSpec
from tests.helpers.small_runs import UNEVEN, small_runs


@pytest.fixture(scope="module")
def design():
    return build_design(small_runs(UNEVEN), ModelSpec())


def prior(design, draws: int, seed: int = 1):
    return c.draw_prior(design, draws, np.random.default_rng(seed))


def test_user_coefficients_give_the_same_loss_at_raw_sizes(design) -> None:
    natural, _ = prior(design, 50)
    user = c.to_user(natural, design)
    n, d = 7e8, 2e10
    raw = GAMMA_LAW.loss(np, n, d, {k: user[k] for k in GAMMA_LAW.names})
    theta = law_arguments(np, natural, {})
    relative = log_loss(np, np.log(n / design.reference_params), np.log(d / design.reference_tokens), theta)
    np.testing.assert_allclose(raw, np.exp(relative), rtol=1e-10)


@pytest.mark.parametrize("law", ["gamma", "chinchilla"])
def test_user_coefficients_go_back(law: str) -> None:
    design = build_design(small_runs(UNEVEN), ModelSpec(law))
    natural, _ = prior(design, 50)
    back = c.to_natural(c.to_user(natural, design), design)
    for name in design.hierarchy.names:
        np.testing.assert_allclose(back[name], natural[name], atol=1e-9)


def test_prior_draws_have_the_prior_s_mean_and_spread(design) -> None:
    natural, component = prior(design, 20_000)
    h = design.hierarchy
    for i, name in enumerate(h.names):
        sd = np.sqrt(h.weight @ h.covariance[i, :, 0, 0])
        values = natural[name][:, 0]
        assert abs(values.mean() - h.mean[i]) < 5 * sd / np.sqrt(len(values))
        kurtosis = ((values - values.mean()) ** 4).mean() / values.var() ** 2
        assert abs(values.std() - sd) < 5 * sd * np.sqrt((kurtosis - 1) / 4 / len(values))
    assert_shares(component[:, 0], h.weight)


def assert_shares(component: np.ndarray, weight: np.ndarray) -> None:
    """Each component that is expected often enough comes about as often as its weight says."""
    share = np.bincount(component, minlength=len(weight)) / len(component)
    often = weight * len(component) > 25
    error = np.sqrt(weight * (1 - weight) / len(component))
    assert often.sum() > 10 and (np.abs(share - weight) < 5 * error)[often].all()


def test_components_are_drawn_from_their_posterior(design) -> None:
    """Joint draws stay joint: a component drawn again given them has its prior weight, and tau fits."""
    natural, _ = prior(design, 20_000)
    again = c.draw_components(natural, design, np.random.default_rng(5))
    assert_shares(again[:, 0], design.hierarchy.weight)
    between = design.hierarchy.tau[0, again[:, 0], 0]
    spread = natural["E"].std(-1)
    wide, narrow = between >= np.quantile(design.hierarchy.tau[0, :, 0], 0.7), between == between.min()
    assert spread[wide].mean() > 2 * spread[narrow].mean()


def test_component_of_undoes_tau(design) -> None:
    _, component = prior(design, 100)
    scales = c.tau(component, design)
    np.testing.assert_array_equal(c.component_of(scales[..., 0], scales[..., 1], design), component)


def test_unseen_groups_complete_the_joint_prior(design) -> None:
    """Seen from the prior, then unseen given seen, must have the joint prior's covariance."""
    natural, component = prior(design, 40_000)
    new = Groups(("xlstm", "mamba2"), (8192, 2048), design.groups.reference_context)
    drawn = c.draw_unseen(natural, component, design, new, np.random.default_rng(2))
    from bayes_scaling.models.hierarchy import build_hierarchy

    names = design.hierarchy.names
    priors = {name: design.spec.prior(name) for name in names}
    joint_prior = build_hierarchy(priors, design.groups.joined(new), "partial")
    expected = np.einsum("c,icab->iab", joint_prior.weight, joint_prior.covariance)
    for i, name in enumerate(names):
        joint = np.concatenate([natural[name], drawn[name]], axis=-1) - design.hierarchy.mean[i]
        products = joint[:, :, None] * joint[:, None, :]
        error = products.std(0) / np.sqrt(len(joint))
        assert (np.abs(products.mean(0) - expected[i]) < 5 * error).all(), name


def test_a_new_architecture_is_wider_than_a_new_context(design) -> None:
    natural, component = prior(design, 2000)
    seen = {k: np.broadcast_to(v[:1], v.shape) for k, v in natural.items()}
    new = Groups(("xlstm", "mamba2"), (4096, 4096), design.groups.reference_context)
    drawn = c.draw_unseen(
        seen, np.broadcast_to(component[:1], component.shape), design, new, np.random.default_rng(2)
    )
    assert drawn["E"][:, 1].std() > 1.5 * drawn["E"][:, 0].std()


@pytest.mark.parametrize("pooling", ["partial", "none", "complete"])
def test_the_grid_keeps_seen_cells_fills_the_others_and_goes_back(pooling: str) -> None:
    design = build_design(small_runs(UNEVEN), ModelSpec(pooling=pooling))
    natural, component = prior(design, 30)
    chained = {k: v[None] for k, v in natural.items()}
    names, lengths = ("llama", "xlstm"), (2048, 8192)
    user = fill_grid(chained, component[None], design, names, lengths, np.random.default_rng(0))
    posterior = on_grid(user, names, lengths)
    seen = c.to_user(chained, design)
    column = 0 if pooling == "complete" else 2
    np.testing.assert_allclose(
        posterior["alpha"].sel(architecture="xlstm", context_length=2048), seen["alpha"][..., column]
    )
    assert np.isfinite(posterior["A"].sel(architecture="xlstm", context_length=8192)).all()
    if pooling == "partial":
        scales = c.tau(component[None], design)
        dims = ("chain", "draw", "coefficient")
        posterior = posterior.assign(
            tau_architecture=(dims, scales[..., 0]), tau_context=(dims, scales[..., 1])
        )
    back, index = seen_draws(posterior, design)
    np.testing.assert_allclose(back["share"], chained["share"], atol=1e-9)
    if pooling == "partial":
        np.testing.assert_array_equal(index, component[None])
