"""What minimises: one engine for each kind of problem, behind the door of ``fit_logistic``.

outcome           what an engine is given and gives
dense_newton      Newton's method with a Cholesky factor, in JAX and in NumPy
sketched          many examples on the host: steps from samples, gradients from all
lbfgs, newton_cg  products with the inputs alone: wide and sparse inputs
dual              Newton steps among the examples, where they are fewer than the columns
proximal_newton   the elastic net in JAX; working_set: on the host
firth             the bias-reduced estimate
separation        directions along which there is no single optimum

The rest are their parts: scaled columns, factors, line searches.
"""
