# The design of a single-arm trial as R gives it, to test helpers/single_arm against.
#
# From the root of the repository:   Rscript tests/oracles/single_arm.R
#
# Writes tests/oracles/single_arm.json, inputs included, so that the tests need no R.
# lung, veteran and ovarian are data sets of the package survival; its survdiff with an offset is
# the one-sample log-rank test. Integrals are by R's integrate, piece by piece.
# Numbers have 17 significant digits.

suppressPackageStartupMessages(library(survival))

json <- function(x) {
  if (is.list(x)) {
    parts <- vapply(x, json, "")
    if (is.null(names(x))) return(paste0("[\n", paste(parts, collapse = ",\n"), "\n]"))
    return(paste0("{\n", paste0('"', names(x), '": ', parts, collapse = ",\n"), "\n}"))
  }
  text <- if (is.character(x)) paste0('"', x, '"')
          else ifelse(is.na(x), "null", sprintf("%.17g", as.double(x)))
  if (inherits(x, "AsIs") || length(x) != 1) paste0("[", paste(text, collapse = ", "), "]")
  else text
}

# --- the one-sample log-rank test ----------------------------------------------------------------

height <- function(hazards, cuts) function(t) {
  ends <- c(0, cuts)
  total <- 0
  for (i in seq_along(hazards)) {
    upper <- if (i < length(hazards)) cuts[i] else Inf
    total <- total + hazards[i] * pmax(pmin(t, upper) - ends[i], 0)
  }
  total
}
rate <- function(hazards, cuts) function(t) hazards[findInterval(t, cuts) + 1]

in_months <- function(days) days / 30.4375
tested <- function(name, time, event, hazards, cuts) {
  expected <- exp(-height(hazards, cuts)(time))
  found <- survdiff(Surv(time, event) ~ offset(expected))
  list(name = name, time = I(time), event = I(event), hazards = I(hazards), cuts = I(cuts),
       observed = found$obs, expected = found$exp, chisq = found$chisq, p = found$pvalue)
}
cohorts <- list(
  tested("lung", in_months(lung$time), lung$status - 1, 0.08, numeric(0)),
  tested("lung, pieces", in_months(lung$time), lung$status - 1, c(0.02, 0.07, 0.12), c(3, 12)),
  tested("veteran", in_months(veteran$time), veteran$status, c(0.3, 0.1), 4),
  tested("ovarian", in_months(ovarian$futime), ovarian$fustat, 0.05, numeric(0)))

# --- integrals of a design -----------------------------------------------------------------------

designs <- list(
  list(n = 50, accrual = 24, follow = 24, dropout = 0.05, hazards = 0.03, cuts = numeric(0),
       null = 0.05, null_cuts = numeric(0), at = 24),
  list(n = 50, accrual = 24, follow = 12, dropout = 0.1, hazards = c(0.05, 0.02), cuts = 6,
       null = c(0.07, 0.03), null_cuts = 9, at = 24),
  list(n = 80, accrual = 36, follow = 6, dropout = 0, hazards = c(0.01, 0.04, 0.02),
       cuts = c(3, 12), null = 0.04, null_cuts = numeric(0), at = 18))

whole <- function(f, corners, upper) {
  edges <- sort(unique(c(0, corners[corners > 0 & corners < upper], upper)))
  sum(mapply(function(a, b) integrate(f, a, b, rel.tol = 1e-12)$value,
             head(edges, -1), tail(edges, -1)))
}
worked <- function(d) {
  end <- d$accrual + d$follow
  lost <- -log(1 - d$dropout) / 12
  H <- height(d$hazards, d$cuts); h <- rate(d$hazards, d$cuts)
  H0 <- height(d$null, d$null_cuts); h0 <- rate(d$null, d$null_cuts)
  admin <- function(t) pmin(pmax((end - t) / d$accrual, 0), 1)
  G <- function(t) admin(t) * exp(-lost * t)
  S <- function(t) exp(-H(t))
  corners <- c(d$cuts, d$null_cuts, d$follow)
  log_variance <- whole(function(t) h(t) / (S(t) * G(t)), corners, d$at) / d$n
  s <- S(d$at); s0 <- exp(-H0(d$at))
  z <- qnorm(0.975)
  power <- function(g, slope) pnorm((g(s) - g(s0)) / (slope(s) * s * sqrt(log_variance)) - z)
  v1 <- whole(function(t) G(t) * S(t) * h(t), corners, end)
  v0 <- whole(function(t) G(t) * S(t) * h0(t), corners, end)
  v00 <- whole(function(t) G(t) * S(t) * H0(t) * h0(t), corners, end)
  v01 <- whole(function(t) G(t) * S(t) * H0(t) * h(t), corners, end)
  spread <- sqrt(v1 - v1^2 + 2 * v00 - v0^2 - 2 * v01 + 2 * v0 * v1)
  by_logrank <- function(v) pnorm((sqrt(d$n) * (v0 - v1) - sqrt(v) * z) / spread)
  months <- c(6, 12, d$accrual, end)
  counted <- function(month, rate_of) d$n * whole(
    function(t) pmin((month - t) / d$accrual, 1) * S(t) * exp(-lost * t) * rate_of(t),
    c(d$cuts, month - d$accrual), month)
  c(lapply(d, I), list(
    std_err = s * sqrt(log_variance),
    power_log_log = power(function(s) -log(-log(s)), function(s) -1 / (s * log(s))),
    power_log = power(log, function(s) 1 / s),
    power_plain = power(identity, function(s) 1),
    power_arcsine = power(function(s) asin(sqrt(s)), function(s) 1 / (2 * sqrt(s * (1 - s)))),
    power_expected = by_logrank(v0), power_mean = by_logrank((v0 + v1) / 2),
    months = I(months),
    events = I(sapply(months, counted, rate_of = h)),
    lost = I(sapply(months, counted, rate_of = function(t) rep(lost, length(t))))))
}

writeLines(
  json(list(
    R = R.version.string, survival = as.character(packageVersion("survival")),
    cohorts = cohorts, designs = lapply(designs, worked))),
  "tests/oracles/single_arm.json")
