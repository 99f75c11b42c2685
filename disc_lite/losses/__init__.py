"""Hidden states x frozen lm_head -> divergence and its gradient, computed in chunks; independent of the model.

With W the head, s its scale and T the temperature, row i of the student and of the teacher gives

    a = softcap(s * (h_student W^T + bias)) / T        q = softmax(a)        [V]
    b = softcap(s * (h_teacher W^T + bias)) / T        p = softmax(b)        [V]

    forward_kl  sum p log(p/q)                                d/da = q - p
    reverse_kl  sum q log(q/p)                                d/da = q (log(q/p) - reverse_kl)
    jsd         sum beta p log(p/m) + (1-beta) q log(q/m)     d/da = (1-beta) q (log(q/m) - KL(q|m))
                with m = beta p + (1-beta) q                  (GKD, arXiv:2306.13649)

If a row has a label y with share l, p is (1-l) softmax(b) + l [y], at temperature T: see `Labels`.

The head is frozen, so W has no gradient, and the gradient of the student's hidden states,
(d/da) W s/T, is computed in the forward pass: only C of the S rows have logits at any time (about
10*C*V bytes), and only [S, H] is saved for the backward pass. Logits are fp32 whatever the inputs
are: rounding to bf16 would be larger than p - q near p = q, which is where self-distillation works.
"""

from disc_lite.losses.chunked import cross_entropy, divergence, log_probabilities, token_divergence
from disc_lite.losses.divergences import RETENTION_KL, Divergence, Labels
from disc_lite.losses.head import Head

__all__ = [
    "RETENTION_KL", "Divergence", "Head", "Labels", "cross_entropy", "divergence", "log_probabilities",
    "token_divergence",
]  # fmt: skip
