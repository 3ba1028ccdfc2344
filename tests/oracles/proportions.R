# Intervals of one proportion, of survival without censoring, and sample sizes, as R gives them.
#
# From the root of the repository:   Rscript tests/oracles/proportions.R
#
# Writes tests/oracles/proportions.json, inputs included, so that the tests need no R.
# Numbers have 17 significant digits; null stands for R's NA and NaN.

suppressPackageStartupMessages(library(survival))

json <- function(x) {
  if (is.list(x)) {
    parts <- vapply(x, json, "")
    if (is.null(names(x))) return(paste0("[\n", paste(parts, collapse = ",\n"), "\n]"))
    return(paste0("{", paste0('"', names(x), '": ', parts, collapse = ", "), "}"))
  }
  text <- if (is.character(x)) paste0('"', x, '"')
          else ifelse(is.na(x), "null", sprintf("%.17g", as.double(x)))
  if (inherits(x, "AsIs") || length(x) != 1) paste0("[", paste(text, collapse = ", "), "]")
  else text
}

clipped <- function(limits) I(pmin(pmax(as.vector(limits), 0), 1))

interval <- function(k, n, level, whole) {
  z <- qnorm(0.5 + level / 2)
  tail <- (1 - level) / 2
  p <- k / n
  inside <- k > 0 && k < n
  none <- I(c(NA, NA))
  answers <- c(rep(1, k), rep(0, n - k))
  of_mean <- if (inside) t.test(answers, conf.level = level) else NULL
  # The standard error of a mean of zeros and ones, carried to the logit scale.
  on_logit <- function(freedom) {
    if (!inside) return(none)
    half <- qt(1 - tail, freedom) * of_mean$stderr / (p * (1 - p))
    I(plogis(qlogis(p) + c(-half, half)))
  }
  # As many steps as are allowed: the weights of the last are those of the estimate itself.
  fit <- if (inside) {
    suppressWarnings(glm(cbind(k, n - k) ~ 1, binomial, epsilon = 1e-300, maxit = 50))
  } else NULL
  root <- function(f) uniroot(f, c(0, 1), tol = 1e-14)$root
  adjusted <- (k + z^2 / 2) / (n + z^2)
  score <- function(correct) {
    suppressWarnings(clipped(prop.test(k, n, conf.level = level, correct = correct)$conf.int))
  }
  list(
    count = k, total = n, level = level, whole = whole,
    limits = list(
      clopper_pearson = I(as.vector(binom.test(k, n, conf.level = level)$conf.int)),
      wilson = score(FALSE),
      wilson_corrected = score(TRUE),
      wald = clipped(p + c(-1, 1) * z * sqrt(p * (1 - p) / n)),
      wald_corrected = clipped(p + c(-1, 1) * (z * sqrt(p * (1 - p) / n) + 1 / (2 * n))),
      wald_t = if (inside) clipped(of_mean$conf.int) else none,
      agresti_coull =
        clipped(adjusted + c(-1, 1) * z * sqrt(adjusted * (1 - adjusted) / (n + z^2))),
      jeffreys = I(c(if (k > 0) qbeta(tail, k + 0.5, n - k + 0.5) else 0,
                     if (k < n) qbeta(1 - tail, k + 0.5, n - k + 0.5) else 1)),
      mid_p = I(c(
        if (k > 0) root(function(q) {
          pbinom(k, n, q, lower.tail = FALSE) + dbinom(k, n, q) / 2 - tail
        }) else 0,
        if (k < n) root(function(q) pbinom(k - 1, n, q) + dbinom(k, n, q) / 2 - tail) else 1)),
      logit = if (inside) {
        I(plogis(coef(fit)[[1]] + c(-1, 1) * z * sqrt(vcov(fit)[1, 1])))
      } else none,
      logit_t = on_logit(n - 1),
      logit_t_whole = on_logit(whole - 1),
      arcsine = I(sin(pmin(pmax(
        asin(sqrt(p)) + c(-1, 1) * z / (2 * sqrt(n)), 0), pi / 2))^2)))
}

intervals <- list()
for (n in c(1, 2, 5, 6, 9, 16, 22, 37, 43, 68, 96, 250)) {
  for (k in unique(round(n * c(0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.97, 1)))) {
    for (level in c(0.9, 0.95, 0.99)) {
      intervals[[length(intervals) + 1]] <- interval(k, n, level, max(n, 96))
    }
  }
}

landmark <- function(k, n, level, type) {
  # All events before month 12, all others followed beyond it.
  time <- c(seq(0.5, 11.5, length.out = n - k), rep(24, k))
  fit <- survfit(Surv(time, time < 12) ~ 1, conf.type = type, conf.int = level)
  at <- summary(fit, times = 12)
  list(surviving = k, total = n, level = level, scale = sub("arcsin", "arcsine", type),
       limits = I(c(at$lower, at$upper)))
}
landmarks <- list()
for (case in list(c(1, 2), c(1, 16), c(7, 16), c(10, 17), c(18, 19), c(26, 37), c(24, 43),
                  c(50, 72), c(1, 96), c(59, 96), c(95, 96))) {
  for (type in c("plain", "log", "log-log", "logit", "arcsin")) for (level in c(0.9, 0.95)) {
    landmarks[[length(landmarks) + 1]] <- landmark(case[1], case[2], level, type)
  }
}

exact_size <- function(null, alternative, tail, power) {
  sizes <- 2:4000
  mirrored <- alternative < null
  p0 <- if (mirrored) 1 - null else null
  p1 <- if (mirrored) 1 - alternative else alternative
  has <- pbinom(qbinom(1 - tail, sizes, p0), sizes, p1, lower.tail = FALSE) >= power
  c(sizes[which(has)[1]], sizes[max(c(0, which(!has))) + 1])
}
sizes <- lapply(list(
  c(0.45, 0.60, 0.05, 0.8), c(0.45, 0.60, 0.05, 0.9), c(0.2, 0.4, 0.05, 0.8), c(0.3, 0.5, 0.1, 0.9),
  c(0.05, 0.2, 0.05, 0.8), c(0.5, 0.35, 0.05, 0.8), c(0.1, 0.9, 0.05, 0.8), c(0.7, 0.9, 0.01, 0.95)),
  function(x) {
    za <- function(sides) qnorm(1 - x[3] / sides)
    zb <- qnorm(x[4])
    spread <- sqrt(x[1:2] * (1 - x[1:2]))
    gap <- abs(x[2] - x[1])
    both <- function(sides) ((za(sides) * spread[1] + zb * spread[2]) / gap)^2
    list(
      null = x[1], alternative = x[2], alpha = x[3], power = x[4],
      exact_two = I(exact_size(x[1], x[2], x[3] / 2, x[4])),
      exact_one = I(exact_size(x[1], x[2], x[3], x[4])),
      both = I(ceiling(c(both(2), both(1)))),
      null_variance = I(ceiling((spread[1] * (c(za(2), za(1)) + zb) / gap)^2)),
      alternative_variance = I(ceiling((spread[2] * (c(za(2), za(1)) + zb) / gap)^2)),
      arcsine = I(ceiling(((c(za(2), za(1)) + zb) /
        (2 * asin(sqrt(x[2])) - 2 * asin(sqrt(x[1]))))^2)))
  })

writeLines(
  json(list(R = R.version.string, survival = as.character(packageVersion("survival")),
            intervals = intervals, landmarks = landmarks, sizes = sizes)),
  "tests/oracles/proportions.json")
