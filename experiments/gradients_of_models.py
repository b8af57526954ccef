"""Does autodiff through our loss give the derivatives that one derives by hand?

Run:     python -m experiments run gradients_of_models
Expect:  Yes: by every way, in float64, float32 and bfloat16, each component stays within the bound that a
         rounding analysis of the derivation gives. Through optax's loss the Hessian is lost where a
         model is sure and wrong, and through probabilities the gradient is too.

On paper. A model gives example i the logit x_i; with labels y in {0, 1}, s(x) = 1 / (1 + exp(-x)),
J the Jacobian of the logits in the parameters and L the mean loss,

    dL/dx_i      r_i / n,     r = s(x) - y           written without its cancellation
    d2L/dx_i^2   h_i / n,     h = s(x) s(-x)
    gradient     J^T r / n
    Hessian      J^T diag(h) J / n + B,              B = sum_i r_i (d2x_i / dw dw) / n

Logistic regression, x = X c + b, has J = (X, 1) and B = 0: X^T (p - y) / n and X^T S X / n. One hidden
layer, z = X W + b, a = relu(z), x = a v + c, has with m = 1[z > 0] the rows

    dx/dv_k = a_k,    dx/dc = 1,    dx/dW_jk = u_j m_k v_k,    dx/db_k = m_k v_k

for an input u, and in B only d2x / dW_jk dv_k = u_j m_k and d2x / db_k dv_k = m_k. NumPy computes that in
longdouble (64 bits on x86) from the very numbers that autodiff was given, rounded to its precision.
Backpropagation and Pearlmutter's product (bcejax.analysis), another derivation, give the same.

The bound. The derivation is followed by a running error analysis: each number carries a bound of
the error that rounded arithmetic may have made so far, with

    one operation      u                    u = 2^-53, 2^-24, 2^-8: half the spacing at 1
    a sum of k terms   min(k, 4 sqrt k) u   rounding errors as independent; u of float32 in bfloat16
    sigmoid, variance  expm1(dx) h from a logit off by dx, and four and eight u of their own
    relu               its slope counts as unknown where |z| is below the bound of z

and an error over its bound above 1 is a failure. Four standard deviations, not a proof: the
proof's k u would let a sum of 4597 terms lose another factor of 17.

The models are Flax's with the parameters Flax draws, bcejax.models. "Sure" multiplies the last layer's
kernel until the median |logit| is 20. Where the three losses are compared, the rows are those whose |logit|
lies between that and its double.

Central differences D(h) have the error h^2 |f'''| / 6 + u |f| / h. The third derivative comes from
autodiff, so the dashed line in the figure is a prediction and not a fit.

Sources: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 3.3;
N. J. Higham and T. Mary, A new approach to probabilistic rounding error analysis (2019);
B. A. Pearlmutter, Fast exact multiplication by the Hessian (1994).
"""
