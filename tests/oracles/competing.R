# Competing risks as R's cmprsk and survival packages give them, to test
# helpers/survival/competing.py, gray.py and fine_gray.py against.
#
# From the root of the repository:   Rscript tests/oracles/competing.R
#
# Writes tests/oracles/competing.json, inputs included, so that the tests need no R.
# mgus2, veteran and pbc are data sets of the package survival. "help of cuminc" and "help of crr"
# are the examples of those pages of cmprsk.
# Numbers have 17 significant digits; null stands for R's NA and NaN.

suppressPackageStartupMessages({library(survival); library(cmprsk)})

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
table_of <- function(x) lapply(seq_len(nrow(x)), function(i) I(unname(x[i, ])))

case <- function(name, time, code, group = NULL, strata = NULL, rho = 0) {
  list(name = name, time = time, code = code, group = group, strata = strata, rho = rho)
}
mgus <- with(mgus2, list(
  time = ifelse(pstat == 1, ptime, futime), code = ifelse(pstat == 1, 1, 2 * death),
  sex = as.integer(sex == "M"), age = cut(age, c(0, 60, 70, 80, 200), labels = FALSE)))
set.seed(2)
help_cuminc <- list(
  time = rexp(100), group = sample(1:3, 100, replace = TRUE), code = sample(0:2, 100, replace = TRUE),
  strata = sample(1:2, 100, replace = TRUE))
set.seed(10)
help_crr <- list(time = rexp(200), code = sample(0:2, 200, replace = TRUE))
help_crr$covariates <- matrix(runif(600), nrow = 200)
# Three causes, made up but not at random.
veterans <- with(veteran, list(
  time = time, code = ifelse(status == 0, 0, 1 + (karno > 50) + (karno > 70)),
  group = as.integer(celltype), strata = trt))
pbc_first <- with(pbc, list(time = time, code = status, group = edema, strata = stage))
known <- !is.na(pbc_first$strata)
tied <- list(time = rep(1:5, each = 8), code = rep(c(1, 2, 0, 1, 1, 2, 2, 0, 1, 0), 4))

incidence_cases <- list(
  case("mgus2, months", mgus$time, mgus$code),
  case("mgus2 women, months", mgus$time[mgus$sex == 0], mgus$code[mgus$sex == 0]),
  case("help of cuminc", help_cuminc$time, help_cuminc$code),
  case("veteran, three causes", veterans$time, veterans$code),
  case("pbc, days", pbc$time, pbc$status),
  case("many ties", tied$time, tied$code),
  case("nobody censored", c(3, 1, 4, 1, 5, 9, 2, 6), c(1, 2, 1, 1, 2, 1, 2, 1)),
  case("all die of both at once", c(1, 2, 2, 3, 3, 3), c(0, 1, 2, 1, 1, 2)),
  case("both at time zero", c(0, 0, 1, 2, 3, 4), c(1, 2, 1, 0, 2, 0)),
  case("censored at time zero", c(0, 0, 1, 2, 3), c(0, 1, 2, 0, 1)),
  case("one cause", c(2, 2, 3, 5, 8, 9), c(1, 0, 1, 1, 0, 1)),
  case("one event", c(4, 5), c(1, 0)),
  case("one patient", 5, 2),
  case("death last", c(1, 2, 3, 4, 5), c(1, 2, 0, 1, 2)))

conf_types <- c("plain", "log", "log-log", "arcsin")
incidence_oracle <- function(case) {
  causes <- sort(unique(case$code[case$code > 0]))
  last <- max(case$time)
  at <- sort(unique(c(0, last * c(0.05, 0.25, 0.5, 0.9, 1), median(case$time), last + 1)))
  points <- timepoints(cuminc(case$time, case$code), at)
  state <- factor(case$code, c(0, causes))
  fit <- survfit(Surv(case$time, state) ~ 1)
  base <- unclass(summary(fit, times = at[at <= last], extend = TRUE))
  column <- function(x) lapply(seq_along(causes), function(j) I(x[, j + 1]))
  # What survfit() itself calls; but with "arcsin" it would lose all states but one.
  limits <- function(type) lapply(seq_along(causes), function(j)
    survival:::survfit_confint(base$pstate[, j + 1], base$std.err[, j + 1], FALSE, type, 0.95))
  list(
    name = case$name, time = I(case$time), code = I(case$code), causes = I(causes), at = I(at),
    at_risk = I(vapply(at, function(t) sum(case$time >= t), 0)),
    events = lapply(causes, function(j)
      I(vapply(at, function(t) sum(case$code == j & case$time <= t), 0))),
    censored = I(vapply(at, function(t) sum(case$code == 0 & case$time <= t), 0)),
    aalen = list(value = table_of(points$est), variance = table_of(points$var)),
    greenwood = list(
      value = column(base$pstate), std_err = column(base$std.err),
      limits = lapply(conf_types, function(type) list(
        conf_type = type,
        lower = lapply(limits(type), function(x) I(x$lower)),
        upper = lapply(limits(type), function(x) I(x$upper))))))
}

gray_cases <- list(
  case("mgus2 by sex", mgus$time, mgus$code, mgus$sex),
  case("mgus2 by sex, strata of age", mgus$time, mgus$code, mgus$sex, mgus$age),
  case("mgus2 by age, late differences", mgus$time, mgus$code, mgus$age, rho = -1),
  case("help of cuminc", help_cuminc$time, help_cuminc$code, help_cuminc$group),
  case("help of cuminc, strata", help_cuminc$time, help_cuminc$code, help_cuminc$group, help_cuminc$strata),
  case("help of cuminc, early differences", help_cuminc$time, help_cuminc$code, help_cuminc$group, rho = 1),
  case("veteran by cell type", veterans$time, veterans$code, veterans$group, rho = 0.5),
  case("veteran by cell type, strata", veterans$time, veterans$code, veterans$group, veterans$strata),
  case("pbc by oedema, strata", pbc_first$time[known], pbc_first$code[known], pbc_first$group[known],
       pbc_first$strata[known]),
  case("many ties, two groups", tied$time, tied$code, rep(c(1, 1, 2, 2, 2), 8)),
  case("many ties, three groups", tied$time, tied$code, rep(1:3, length.out = 40)),
  case("many ties, a stratum without a group", tied$time, tied$code, rep(c(1, 1, 2, 2, 2), 8),
       c(rep(1, 4), 2, rep(1, 4), 2, rep(1, 2), rep(2, 2), rep(1, 22), rep(3, 4))),
  case("nobody censored", c(3, 1, 4, 1, 5, 9, 2, 6), c(1, 2, 1, 1, 2, 1, 2, 1), rep(1:2, 4)),
  case("one cause", c(2, 2, 3, 5, 8, 9, 9, 1), c(1, 0, 1, 1, 0, 1, 1, 1), c(1, 2, 1, 2, 2, 1, 2, 1)),
  case("events at time zero", c(0, 0, 1, 2, 3, 4, 0, 2), c(1, 2, 1, 0, 2, 0, 1, 1), rep(1:2, 4)),
  # After 3 only the second group is at risk, and the pooled incidence passes 1.
  case("one group ends early", c(1, 2, 3, 4, 5, 6, 7, 8), rep(1, 8), c(1, 1, 1, 2, 2, 2, 2, 2)),
  case("one group ends early, and half are left", 1:4, rep(1, 4), c(1, 1, 2, 2)),
  case("one group ends early, competing", c(1, 2, 3, 2.5, 5, 6, 7, 8), c(1, 2, 1, 1, 1, 2, 1, 0),
       c(1, 1, 1, 2, 2, 2, 2, 2)))

gray_oracle <- function(case) {
  strata <- if (is.null(case$strata)) rep(1, length(case$time)) else case$strata
  tests <- cuminc(case$time, case$code, case$group, strata, rho = case$rho)$Tests
  list(
    name = case$name, time = I(case$time), code = I(case$code), group = I(case$group),
    strata = I(strata), stratified = as.integer(!is.null(case$strata)), rho = case$rho,
    causes = I(as.double(rownames(tests))), statistic = I(tests[, "stat"]), p = I(tests[, "pv"]),
    df = I(tests[, "df"]))
}

# With groups of censoring, the covariance of crr 2.2-11 is not the one of the paper: no oracle.
regression <- function(name, time, code, covariates, cengroup = NULL, cause = 1) {
  list(name = name, time = time, code = code, covariates = as.matrix(covariates),
       cengroup = cengroup, cause = cause)
}
complete <- !is.na(mgus2$hgb) & !is.na(mgus2$creat)
dense <- c(1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9)
regressions <- list(
  regression("mgus2, sex", mgus$time, mgus$code, mgus$sex),
  regression("mgus2, sex, death", mgus$time, mgus$code, mgus$sex, cause = 2),
  regression("mgus2, age, sex and haemoglobin", mgus$time[complete], mgus$code[complete],
             with(mgus2[complete, ], cbind(age, sex == "M", hgb))),
  regression("help of crr", help_crr$time, help_crr$code, help_crr$covariates),
  regression("help of crr, cause 2", help_crr$time, help_crr$code, help_crr$covariates, cause = 2),
  regression("help of crr, groups of censoring", help_crr$time, help_crr$code, help_crr$covariates,
             cengroup = rep(c(1, 2, 3, 3), 50)),
  regression("veteran, three causes", veterans$time, veterans$code, cbind(veteran$age, veteran$trt),
             cause = 2),
  regression("veteran, groups of censoring", veterans$time, veterans$code, veteran$age, veterans$strata),
  regression("many ties", dense, rep(c(1, 2, 0, 1, 2, 1, 0, 1, 2, 1), 2), rep(c(0, 1, 1, 0, 1), 4)),
  regression("one cause, nobody censored", 1:8, rep(1, 8), c(0, 1, 0, 0, 1, 1, 0, 1)),
  regression("event at time zero", c(0, 0, 1:8), c(1, 2, 1, 0, 2, 1, 1, 0, 2, 1), rep(0:1, 5)))

regression_oracle <- function(case) {
  n <- length(case$time)
  cengroup <- if (is.null(case$cengroup)) rep(1, n) else case$cengroup
  fit <- crr(case$time, case$code, case$covariates, cengroup = cengroup, failcode = case$cause,
             gtol = 1e-14, maxiter = 50)
  start <- crr(case$time, case$code, case$covariates, cengroup = cengroup, failcode = case$cause,
               maxiter = 0)
  printed <- summary(fit)
  list(
    name = case$name, time = I(case$time), code = I(case$code),
    covariates = table_of(unname(case$covariates)), cengroup = I(cengroup), cause = case$cause,
    coef = I(unname(fit$coef)), var = table_of(unname(fit$var)),
    loglik = fit$loglik, loglik_null = fit$loglik.null,
    ratio_test = unname(printed$logtest[["test"]]),
    score_test = drop(start$score %*% solve(start$inf, start$score)),
    lower = I(unname(printed$conf.int[, "2.5%"])), upper = I(unname(printed$conf.int[, "97.5%"])),
    p = I(2 * pnorm(-abs(fit$coef / sqrt(diag(fit$var))))))
}

writeLines(
  json(list(
    R = R.version.string, survival = as.character(packageVersion("survival")),
    cmprsk = as.character(packageVersion("cmprsk")),
    incidence = lapply(incidence_cases, incidence_oracle),
    gray = lapply(gray_cases, gray_oracle),
    regression = lapply(regressions, regression_oracle))),
  "tests/oracles/competing.json")
