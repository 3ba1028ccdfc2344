# Random-effects meta-analysis as R's metafor gives it, to test helpers/meta_analysis against.
#
# From the root of the repository:   Rscript tests/oracles/meta_analysis.R
#
# Writes tests/oracles/meta_analysis.json, inputs included, so that the tests need no R. Needs the
# package metafor beside R. dat.bcg (log risk ratios) and dat.pritz1997 (shares) are its own
# examples; the others are made up: nobody or everybody, studies that agree, two studies.
# Numbers have 17 significant digits.

suppressPackageStartupMessages(library(metafor))

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

precise <- list(threshold = 1e-14, maxiter = 10000, tol = 1e-14)
names_of <- c(REML = "REML", "DerSimonian-Laird" = "DL")
tests_of <- c("Hartung-Knapp" = "knha", normal = "z")

one <- function(yi, vi, estimator, interval) {
  control <- if (estimator == "REML") precise[c("threshold", "maxiter")] else list()
  fit <- rma(yi, vi, method = names_of[[estimator]], test = tests_of[[interval]], control = control)
  # With the normal interval, Higgins's, Thompson's and Spiegelhalter's: t with k - 2.
  apart <- if (interval == "normal") qt(0.975, fit$k - 2) * sqrt(fit$se^2 + fit$tau2) else NA
  said <- predict(fit)
  predicted <- if (interval == "normal") c(fit$beta) + c(-1, 1) * apart
               else c(said$pi.lb, said$pi.ub)
  profile <- confint(fit, control = list(tol = 1e-14, tau2.max = 1000))$random["tau^2", ]
  list(
    estimator = estimator, interval = interval,
    estimate = c(fit$beta), lower = fit$ci.lb, upper = fit$ci.ub,
    predicted_lower = predicted[1], predicted_upper = predicted[2],
    tau2 = fit$tau2, tau2_lower = profile[["ci.lb"]], tau2_upper = profile[["ci.ub"]],
    q = fit$QE, p = fit$QEp, i2 = fit$I2 / 100
  )
}

all_of <- function(yi, vi) {
  found <- list()
  for (estimator in names(names_of)) for (interval in names(tests_of)) {
    found[[length(found) + 1]] <- one(yi, vi, estimator, interval)
  }
  found
}

case <- function(name, yi, vi, counts = NULL, totals = NULL) {
  yi <- as.double(yi); vi <- as.double(vi)
  made <- list(name = name, estimates = I(yi), variances = I(vi), found = all_of(yi, vi))
  if (!is.null(counts)) made <- c(made, list(counts = I(counts), totals = I(totals)))
  if (length(yi) > 3) {
    without <- leave1out(rma(yi, vi, method = "REML", test = "knha",
                             control = precise[c("threshold", "maxiter")]))
    made$without <- list(
      estimate = I(without$estimate), lower = I(without$ci.lb), upper = I(without$ci.ub),
      tau2 = I(without$tau2), i2 = I(without$I2 / 100)
    )
  }
  made
}

shares <- function(name, counts, totals) {
  made <- escalc(measure = "PLO", xi = counts, ni = totals)
  case(name, made$yi, made$vi, counts, totals)
}

bcg <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
out <- list(
  made_with = paste("R", getRversion(), "metafor", packageVersion("metafor")),
  cases = list(
    case("BCG vaccine, log risk ratios", bcg$yi, bcg$vi),
    shares("Pritz 1997, shares", dat.pritz1997$xi, dat.pritz1997$ni),
    shares("nobody and everybody", c(0, 6, 30, 4), c(12, 6, 70, 9)),
    shares("studies that agree", c(20, 41, 9, 31), c(40, 80, 20, 60)),
    shares("three studies", c(5, 30, 18), c(20, 40, 60))
  )
)
writeLines(json(out), "tests/oracles/meta_analysis.json")
