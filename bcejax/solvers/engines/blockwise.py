r"""F of many examples of NumPy's, block by block: gradients in float64, hessians in float32.

With half logits h_i = (x_i·b + c + o_i) / 2 and signs t_i = 2 y_i - 1 in [-1, 1] the cross-entropy
and its derivatives in the logit are

    l = log(2 cosh h) - t h,     l' = (tanh h - t) / 2,     l'' = (1 - tanh^2 h) / 4,

so that a gradient takes one function beside two products.  The inputs are read once for it: while a
block of them is in the cache it gives its half logits, and these its share of the gradient.

np.dot lets other threads run, np.matmul only where its result is large: hence the former.

Few examples are kept in float32 too: gradients of these are quicker, and tell all but the last
steps.

The params here are those of columns divided by sizes: 1 where the columns suit float32 as they are,
else near their root mean squares.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from bcejax.solvers.engines.outcome import Certificate
from bcejax.solvers.problem import Problem
from bcejax.solvers.side_by_side import in_parts

BLOCK = 2**18  # numbers in a block; over smaller ones threads wait for Python's lock
DEAR = 4  # times as long as a gradient takes one with a hessian
MODEST = 2.0**20  # root mean squares that float32 takes, and their inverses
KEPT = 2**20  # numbers of which float32 copies stay in the cache
SIZED = 256  # examples that tell the sizes of columns
RUN = 3000  # examples that a product of matrices should have
ROW = 512  # numbers in a row that NumPy squares and adds fast


class Narrow(NamedTuple):
    """Some examples in float32."""

    rows: np.ndarray  # (m, p)
    signs: np.ndarray  # (m,)
    weights: np.ndarray  # (m,), of mean 1 over all examples; or (1,) where all are equal
    shifts: np.ndarray  # (m,), half of the offset; or (1,)

    @property
    def weight(self) -> np.float64:
        """The sum of w."""
        return np.mean(self.weights, dtype=float) * len(self.rows)

    def part(self, rows: slice) -> "Narrow":
        """Some of these."""
        vectors = (_of(each, rows) for each in (self.signs, self.weights, self.shifts))
        return Narrow(self.rows[rows], *vectors)

    def tanh(self, params: np.ndarray) -> np.ndarray:
        """tanh h, (m,)."""
        return np.tanh(np.dot(self.rows, (params / 2).astype(np.float32)) + self.shifts)

    def gradient(self, tanh: np.ndarray) -> np.ndarray:
        """The sum of w l' x (p,), from tanh h."""
        return np.dot((tanh - self.signs) * self.weights, self.rows) / 2

    def derivatives(self, params: np.ndarray, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The sums of both; room is as for ``hessian``."""
        tanh = self.tanh(params)
        return self.gradient(tanh), self.hessian(tanh, room)

    def hessian(self, tanh: np.ndarray, room: np.ndarray) -> np.ndarray:
        """The sum of w l'' xx' (p, p), from tanh h; room (>= m, p) for work may be the rows."""
        roots = np.sqrt((1 - tanh) * (1 + tanh) * self.weights)
        lifted = np.multiply(self.rows, roots[:, None], out=room[: len(roots)])
        # of a matrix with itself the product takes half as long
        return np.dot(lifted.T, lifted) / 4


class Blockwise(NamedTuple):
    """F, of which threads take parts."""

    problem: Problem
    inputs: np.ndarray  # (n, d), row by row
    signs: np.ndarray  # (n,)
    weights: np.ndarray  # (n,), of mean 1; or (1,) where all are equal
    shifts: np.ndarray  # (n,); or (1,) where all are 0
    sizes: np.ndarray  # (p,), 1 for the intercept
    ridge: np.ndarray  # (p,), 0 for the intercept
    half_logits: np.ndarray  # (n,), where a gradient was last taken
    kept: Narrow | None = None  # all examples, where these are few
    scales: np.ndarray | None = None  # (p,), then: ``Problem.scales`` of the columns here

    @classmethod
    def of(cls, problem: Problem) -> "Blockwise":
        """F in columns of sizes that some examples tell."""
        x, n = np.ascontiguousarray(problem.inputs), len(problem.labels)
        stride = -(-n // SIZED)
        sizes = np.sqrt(np.mean(x[stride // 2 :: stride] ** 2, axis=0))
        sizes = np.where(sizes > 0, sizes, 1)
        if sizes.min(initial=1) > 1 / MODEST and sizes.max(initial=1) < MODEST:
            sizes = np.ones_like(sizes)
        sizes = np.append(sizes, 1) if problem.intercept else sizes
        w, o = problem.weights, problem.offset
        w = np.ones(1) if (w == w[0]).all() else n * w
        o = o / 2 if o.any() else np.zeros(1)
        ridge = problem.penalised(problem.l2 / sizes**2)
        signs = 2 * problem.labels
        signs -= 1
        whole = cls(problem, x, signs, w, o, sizes, ridge, np.empty(n))
        return whole._keeping() if n * len(sizes) <= KEPT else whole

    def narrow(self, rows: slice, room: np.ndarray | None = None) -> Narrow:
        """Some of the examples, in room (>= m, p) unless kept or there is none."""
        if self.kept is not None:
            return self.kept.part(rows)
        x = self.inputs[rows]
        narrow = self._room(len(x)) if room is None else room[: len(x)]
        self._fill(narrow, x)
        vectors = self.signs[rows], _of(self.weights, rows), _of(self.shifts, rows)
        return Narrow(narrow, *(each.astype(np.float32) for each in vectors))

    def _fill(self, narrow: np.ndarray, x: np.ndarray) -> None:
        """Take examples over in float32."""
        d = x.shape[1]
        if (self.sizes == 1).all():
            np.copyto(narrow[:, :d], x, casting="same_kind")
        else:
            np.multiply(x, 1 / self.sizes[:d], out=narrow[:, :d], casting="same_kind")
        narrow[:, d:] = 1

    def _keeping(self) -> "Blockwise":
        """With all examples in float32, and the scales of their columns."""
        rows, squares = self._room(len(self.inputs)), np.zeros(len(self.sizes))
        for block in self._blocks(0, len(rows)):
            self._fill(rows[block], self.inputs[block])
            squares += _squares(rows[block], _of(self.weights, block))
        squares /= len(rows)
        known = _are_normal(squares, np.finfo(np.float32))
        scales = np.sqrt(squares) if known else self.problem.scales() / self.sizes
        vectors = (each.astype(np.float32) for each in (self.signs, self.weights, self.shifts))
        return self._replace(kept=Narrow(rows, *vectors), scales=scales)

    def curvature(self, params: np.ndarray, stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and hessian of every so manieth example, summed in float32 within blocks."""

        def part(first: int, end: int) -> tuple[Any, ...]:
            weight, gradient, hessian = _nothing(params)
            room = self._room(min(self._length, end - first))
            for block in self._blocks(first, end):
                rows = slice(block.start * stride + stride // 2, block.stop * stride, stride)
                narrow = self.narrow(rows, room)
                weight += narrow.weight
                _add((gradient, hessian), narrow.derivatives(params, room))
            return weight, gradient, hessian

        weight, gradient, hessian = self._total(len(self.inputs) // stride, part, DEAR)
        gradient = gradient / weight + self.ridge * params
        return gradient, hessian / weight + np.diag(self.ridge)

    def rough_gradient(self, params: np.ndarray) -> np.ndarray:
        """Of all examples, (p,), from those that are kept."""
        assert self.kept is not None
        return self._rough_gradient(params, self.kept.tanh(params))

    def rough_curvature(self, params: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """The same, with the hessian (p, p) of every so manieth example."""
        assert self.kept is not None
        tanh, rows = self.kept.tanh(params), slice(stride // 2, None, stride)
        some = self.kept.part(rows)
        hessian = some.hessian(tanh[rows], self._room(len(some.rows))) / some.weight
        return self._rough_gradient(params, tanh), hessian + np.diag(self.ridge)

    def _rough_gradient(self, params: np.ndarray, tanh: np.ndarray) -> np.ndarray:
        assert self.kept is not None
        return self.kept.gradient(tanh) / len(self.inputs) + self.ridge * params

    def gradient(self, params: np.ndarray) -> np.ndarray:
        """Of all examples, (p,), in one pass."""
        return self._pass(params, None)[0]

    def begin(self, params: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All that is to be known at first, in one pass.

        Returns:
            The gradient (p,); ``Problem.scales`` of the columns here (p,); and the hessian (p, p)
            of one example of so many, in runs.
        """
        gradient, squares, weight, hessian = self._pass(params, stride)
        squares = squares / len(self.inputs)
        if _are_normal(squares, np.finfo(float)):
            scales = np.append(np.sqrt(squares), self.sizes[len(squares) :]) / self.sizes
        else:
            scales = self.problem.scales() / self.sizes
        return gradient, scales, hessian / weight + np.diag(self.ridge)

    def _pass(self, params: np.ndarray, stride: int | None) -> tuple[np.ndarray, ...]:
        """The gradient, and if there is a stride the sums of ``begin``."""
        d = self.inputs.shape[1]
        half = params / self.sizes / 2
        shift, weighted = self.shifts + np.sum(half[d:]), len(self.weights) > 1
        shifted = shift.any()

        def part(first: int, end: int) -> tuple[Any, ...]:
            sums, squares, (weight, _, hessian) = np.zeros(d + 1), np.zeros(d), _nothing(params)
            room = self._room(min(self._length, end - first) if stride else 0)
            for rows in self._blocks(first, end):
                x, h = self.inputs[rows], self.half_logits[rows]
                np.dot(x, half[:d], out=h)
                if shifted:
                    h += _of(shift, rows)
                slopes = np.tanh(h)
                slopes -= self.signs[rows]
                if weighted:
                    slopes *= self.weights[rows]
                sums[:d] += np.dot(slopes, x)
                if len(params) > d:
                    sums[d] += np.sum(slopes)
                if stride:
                    squares += _squares(x, _of(self.weights, rows))
                    for run in self._run_of(rows, stride):
                        narrow = self.narrow(run, room)
                        weight += narrow.weight
                        tanh = np.tanh(self.half_logits[run]).astype(np.float32)
                        hessian += narrow.hessian(tanh, room)
            return (sums, squares, weight, hessian) if stride else (sums,)

        sums, *known = self._total(len(self.inputs), part, DEAR if stride else 1)
        gradient = sums[: len(params)] / (2 * len(self.inputs) * self.sizes)
        return gradient + self.ridge * params, *known

    def certificate(
        self, params: np.ndarray, gradient: np.ndarray, norm: float, scales: np.ndarray
    ) -> Certificate:
        """F and the bound on its gap where a gradient was last taken."""
        d = self.inputs.shape[1]

        def part(first: int, end: int) -> tuple[Any, ...]:
            sums = np.zeros(4)
            for rows in self._blocks(first, end):
                h, t, w = self.half_logits[rows], self.signs[rows], _of(self.weights, rows)
                away = np.abs(h)
                decay = np.exp(-2 * away)
                losses = w * (away - t * h + np.log1p(decay))
                sums[0] += np.sum(losses)
                if len(params) > d:
                    v = (np.tanh(h) - t) / 2
                    bends = decay / (1 + decay) ** 2
                    cost = np.where(v == 0, 0, v * v / bends)
                    sums[1:] += np.sum(w * v), np.sum(w * np.abs(v)), np.sum(w * cost)
            return (sums,)

        (sums,) = self._total(len(self.inputs), part)
        losses, total, absolute, cost = sums / len(self.inputs)
        heavier = (absolute + abs(total)) / 2
        share = abs(total) / heavier if heavier > 0 else 0.0
        ridge = self.ridge[:d]
        far = np.abs(gradient[:d]) + share * np.sqrt(absolute) * scales[:d]
        gap = np.inf
        if (ridge > 0).all():
            gap = np.sum(far**2 / (2 * ridge)) + (share**2 * cost if share else 0.0)
        return Certificate(losses + self.ridge @ params**2 / 2, np.float64(norm), np.float64(gap))

    def _room(self, count: int) -> np.ndarray:
        """For so many examples in float32."""
        return np.empty((count, len(self.sizes)), np.float32)

    def _total(
        self, count: int, part: Callable[[int, int], tuple[Any, ...]], times: int = 1
    ) -> tuple[Any, ...]:
        """The sums of what a function gives for parts of so many examples.

        It does so many times as much as a gradient.
        """
        first, *others = in_parts(count, times * count * self.inputs.shape[1], part)
        for other in others:
            _add(first, other)
        return first

    @property
    def _length(self) -> int:
        """Examples of a block."""
        return max(8, BLOCK // max(self.inputs.shape[1], 1) // 2 * 2)

    def _blocks(self, first: int, end: int) -> Iterator[slice]:
        """[first, end) in pieces that stay in the cache."""
        for k in range(first, end, self._length):
            yield slice(k, min(k + self._length, end))

    def _run_of(self, block: slice, stride: int) -> list[slice]:
        """Examples in a row from a block, or none, so that in all they are one of so many.

        Long runs from some blocks, for of a few examples a product of matrices is slow.
        """
        apart = min(max(1, round(RUN * stride / self._length)), stride)
        if block.start // self._length % apart != apart // 2:
            return []
        run = min(apart * self._length // stride, self._length)
        return [slice(block.start, min(block.start + run, block.stop))]


def _nothing(params: np.ndarray) -> tuple[np.ndarray, ...]:
    """What ``Narrow.sums`` are added to."""
    return np.zeros(()), np.zeros_like(params), np.zeros((len(params), len(params)))


def _add(sums: tuple[np.ndarray, ...], more: tuple[Any, ...]) -> None:
    for each, other in zip(sums, more, strict=True):
        np.add(each, other, out=each)


def _of(values: np.ndarray, rows: slice) -> np.ndarray:
    """Those of some examples, or the one of all."""
    return values[rows] if len(values) > 1 else values


def _are_normal(squares: np.ndarray, limits: Any) -> bool:
    """Whether nothing in these sums was too small or too large."""
    return bool(((squares > limits.tiny / limits.eps) & (squares < limits.max)).all())


def _squares(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The sum of w x^2 in each column, (d,)."""
    if len(weights) > 1:
        return weights @ (x * x)
    m, d = x.shape
    several = max(1, ROW // max(d, 1))  # examples in a row, for short rows are slow
    head, tail = np.split(x, [m // several * several])
    head = head.reshape(-1, several * d)
    squares = np.einsum("ij,ij->j", head, head).reshape(several, d).sum(axis=0)
    return squares + np.einsum("ij,ij->j", tail, tail)
