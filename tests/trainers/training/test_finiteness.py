"""Steps that are looked at together, as on a GPU."""

import pytest
import torch

from trainers.training.finiteness import EVERY_STEPS, DivergedError, FiniteSteps

SOUND, NAN = torch.tensor(1.0), torch.tensor(torch.nan)


def test_the_first_bad_step_is_named_when_it_is_looked_at():
    steps = FiniteSteps("toy", delayed=True)
    for step, loss in enumerate([SOUND, NAN, NAN]):
        steps.add(2, step, {"cls": SOUND, "box": loss}, [SOUND])
    with pytest.raises(DivergedError, match=r"The loss of toy is not finite in epoch 2, step 1: cls=1, box=nan"):
        steps.check()
    steps.check()  # it has been told


def test_a_gradient_counts_too():
    steps = FiniteSteps("toy", delayed=True)
    steps.add(0, 0, {"cls": SOUND}, [SOUND, torch.tensor(torch.inf)])
    with pytest.raises(DivergedError, match=r"The gradient of toy is not finite in epoch 0, step 0: cls=1\."):
        steps.check()


def test_they_are_looked_at_by_themselves_every_so_many_steps():
    steps = FiniteSteps("toy", delayed=True)
    for step in range(EVERY_STEPS - 1):
        steps.add(0, step, {"cls": NAN if step == 7 else SOUND}, [])
    with pytest.raises(DivergedError, match=r"epoch 0, step 7"):
        steps.add(0, EVERY_STEPS, {"cls": SOUND}, [])


def test_without_a_delay_each_step_is_looked_at_once():
    steps = FiniteSteps("toy", delayed=False)
    steps.add(0, 0, {"cls": SOUND}, [SOUND])
    with pytest.raises(DivergedError, match=r"epoch 0, step 1"):
        steps.add(0, 1, {"cls": NAN}, [])
