# Cox models as R's survival package fits them, to test helpers/survival/cox.py against.
#
# From the root of the repository:   Rscript tests/oracles/cox.R
#
# Writes tests/oracles/cox.json, inputs included, so that the tests need no R.
# lung, veteran, ovarian, colon, pbc, rats and heart are data sets of that package; Freireich's
# 6-MP data are typed in. Numbers have 17 significant digits; null stands for R's NA and NaN.

suppressPackageStartupMessages(library(survival))

json <- function(x) {
  if (is.null(x)) return("null")
  if (is.list(x)) {
    parts <- vapply(x, json, "")
    if (is.null(names(x))) return(paste0("[\n", paste(parts, collapse = ",\n"), "\n]"))
    return(paste0("{\n", paste0('"', names(x), '": ', parts, collapse = ",\n"), "\n}"))
  }
  if (is.matrix(x))
    return(paste0("[", paste(apply(x, 1, function(row) json(I(row))), collapse = ",\n"), "]"))
  text <- if (is.character(x)) paste0('"', x, '"')
          else ifelse(is.na(x), "null", sprintf("%.17g", as.double(x)))
  if (inherits(x, "AsIs") || length(x) != 1) paste0("[", paste(text, collapse = ", "), "]")
  else text
}

case <- function(name, time, event, x, entry = NULL, strata = NULL, terms = NULL) {
  list(name = name, time = as.double(time), event = as.double(event), x = unname(as.matrix(x)),
       entry = entry, strata = strata, terms = terms)
}
complete <- function(data, columns) data[complete.cases(data[columns]), ]

lung <- complete(lung, c("age", "sex", "ph.ecog"))
pbc <- complete(pbc[pbc$status != 1, ], c("age", "edema", "bili", "protime", "albumin"))
death <- colon[colon$etype == 2 & !is.na(colon$nodes), ]
cell <- model.matrix(~ celltype, veteran)[, -1]
arm <- model.matrix(~ rx, death)[, -1]
placebo <- c(1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)
drug <- c(6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)

cases <- list(
  case("freireich", c(placebo, drug), c(rep(1, 30), rep(0, 12)), rep(1:0, each = 21)),
  case("lung, sex", lung$time, lung$status - 1, lung$sex),
  case("lung", lung$time, lung$status - 1, lung[c("age", "sex", "ph.ecog")]),
  case("lung by sex", lung$time, lung$status - 1, lung[c("age", "ph.ecog")], strata = lung$sex),
  case("veteran", veteran$time, veteran$status,
       cbind(cell, veteran$karno, veteran$trt), terms = list(1:3, 4, 5)),
  case("veteran by cell", veteran$time, veteran$status, veteran[c("karno", "age", "trt")],
       strata = as.integer(veteran$celltype)),
  case("ovarian", ovarian$futime, ovarian$fustat, ovarian[c("age", "rx")]),
  case("colon", death$time, death$status, cbind(arm, death$nodes, death$age),
       terms = list(1:2, 3, 4)),
  case("pbc", pbc$time, pbc$status == 2,
       cbind(pbc$age, pbc$edema, log(pbc$bili), log(pbc$protime), log(pbc$albumin))),
  case("rats by litter", rats$time, rats$status, rats$rx, strata = rats$litter),
  case("heart", heart$stop, heart$event,
       cbind(heart$age, heart$year, heart$surgery, heart$transplant == 1), entry = heart$start),
  case("heart, transplant", heart$stop, heart$event, as.double(heart$transplant == 1),
       entry = heart$start),
  case("heart by surgery", heart$stop, heart$event,
       cbind(heart$age, heart$transplant == 1), entry = heart$start, strata = heart$surgery),
  case("veteran, heavy ties", ceiling(veteran$time / 60), veteran$status,
       veteran[c("karno", "age")]),
  case("entries among ties", c(2, 3, 3, 3, 4, 5, 5, 6, 6, 7, 8, 8),
       c(1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1), c(3, 1, 0, 2, 0, 1, 4, 1, 0, 2, 2, 1),
       entry = c(0, 0, 1, 2, 3, 2, 3, 3, 5, 4, 0, 6)),
  case("event at time zero", c(0, 0, 1, 2, 3, 3, 5, 6), c(1, 1, 0, 1, 1, 1, 0, 1),
       c(1, 0, 1, 1, 0, 1, 0, 0)),
  case("same time but for rounding", c(0.3, 0.1 + 0.2, 0.7, 1.1, 0.3, 1.3, 0.5),
       c(0, 1, 1, 0, 1, 1, 1), c(1, 0, 2, 1, 3, 0, 1)),
  case("far from zero", veteran$time, veteran$status,
       cbind(1e4 + veteran$karno, 1e-3 * veteran$age)),
  case("one constant", ovarian$futime, ovarian$fustat, cbind(ovarian$age, 1, ovarian$rx)),
  case("one a sum of others", ovarian$futime, ovarian$fustat,
       cbind(ovarian$age, ovarian$rx, ovarian$age - 3 * ovarian$rx))
)

fitted <- function(case, ties, control = coxph.control(eps = 1e-11, toler.chol = 1e-12)) {
  surv <- if (is.null(case$entry)) Surv(case$time, case$event)
          else Surv(case$entry, case$time, case$event)
  x <- case$x
  s <- case$strata
  if (is.null(s)) coxph(surv ~ x, ties = ties, control = control, x = TRUE)
  else coxph(surv ~ x + strata(s), ties = ties, control = control, x = TRUE)
}

# The limits of a coefficient between which 2 (loglik - its profile) < the quantile.
profile <- function(case, fit, j, ties, level = 0.95) {
  if (is.na(coef(fit)[j])) return(c(NA, NA))
  others <- case$x[, setdiff(which(!is.na(coef(fit))), j), drop = FALSE]
  surv <- if (is.null(case$entry)) Surv(case$time, case$event)
          else Surv(case$entry, case$time, case$event)
  s <- if (is.null(case$strata)) rep(1, length(case$time)) else case$strata
  gap <- function(b) {
    o <- (case$x[, j] - mean(case$x[, j])) * b
    control <- coxph.control(eps = 1e-11, toler.chol = 1e-12)
    inner <- if (ncol(others)) coxph(surv ~ others + offset(o) + strata(s), ties = ties, control = control)
             else coxph(surv ~ offset(o) + strata(s), ties = ties)
    2 * (fit$loglik[2] - tail(inner$loglik, 1)) - qchisq(level, 1)
  }
  se <- sqrt(vcov(fit)[j, j])
  b <- coef(fit)[[j]]
  root <- function(from, to) uniroot(gap, c(from, to), tol = 1e-11 * se, extendInt = "no")$root
  c(root(b - 6 * se, b), root(b, b + 6 * se))
}

# Each covariate by itself, or the covariates of a term together; then all of them.
zph <- function(case, fit, transform) {
  if (is.null(case$terms)) return(cox.zph(fit, transform, terms = FALSE)$table)
  fit$assign <- setNames(case$terms, paste0("t", seq_along(case$terms)))
  cox.zph(fit, transform)$table
}

oracle <- function(case) {
  models <- lapply(c("efron", "breslow"), function(ties) {
    fit <- fitted(case, ties)
    stopifnot(is.null(attr(fit, "warned")))
    limits <- summary(fit)
    transforms <- c("km", "rank", "identity", if (min(case$time[case$event == 1]) > 0) "log")
    list(
      ties = ties,
      coefficients = I(unname(coef(fit))),
      covariance = unname(ifelse(outer(is.na(coef(fit)), is.na(coef(fit)), "|"), NA, fit$var)),
      lower = I(unname(limits$conf.int[, "lower .95"])),
      upper = I(unname(limits$conf.int[, "upper .95"])),
      p = I(unname(limits$coefficients[, "Pr(>|z|)"])),
      loglik = fit$loglik, wald = unname(fit$wald.test), score = fit$score,
      ratio = unname(limits$logtest[["test"]]), df = unname(limits$logtest[["df"]]),
      ratio_p = unname(limits$logtest[["pvalue"]]),
      profile = t(vapply(seq_len(ncol(case$x)), function(j) profile(case, fit, j, ties), c(0, 0))),
      zph = lapply(setNames(transforms, transforms), function(transform) {
        table <- zph(case, fit, transform)
        list(chisq = I(unname(table[, "chisq"])), df = I(unname(table[, "df"])),
             p = I(unname(table[, "p"])))
      }))
  })
  c(case, list(models = models))
}

# Where the likelihood has no maximum R warns and prints what it has: only its limit is a value.
endless <- list(
  case("group without events", c(3, 5, 8, 9, 4, 6, 10, 12), c(1, 1, 1, 0, 0, 0, 0, 0), rep(0:1, each = 4)),
  case("group with all events first", 1:8, c(1, 1, 1, 1, 0, 1, 0, 1), rep(0:1, each = 4)),
  case("endless beside age", c(3, 5, 8, 9, 4, 6, 10, 12, 7), c(1, 1, 1, 0, 0, 0, 0, 0, 1),
       cbind(c(rep(0:1, each = 4), 0), c(50, 61, 40, 55, 47, 66, 52, 58, 49))),
  case("endless with entry", c(4, 5, 8, 9, 7, 6, 10, 12), c(1, 1, 1, 0, 0, 0, 0, 0),
       rep(0:1, each = 4), entry = c(0, 1, 2, 0, 3, 1, 4, 0))
)
without_end <- function(case) {
  message <- ""
  fit <- withCallingHandlers(
    fitted(case, "efron", coxph.control(eps = 1e-11, toler.chol = 1e-13, iter.max = 100)),
    warning = function(w) { message <<- conditionMessage(w); invokeRestart("muffleWarning") })
  stopifnot(grepl("infinite", message))
  # What R's own control says is infinite.
  list(name = case$name, time = case$time, event = case$event, x = case$x, entry = case$entry,
       coefficients = I(unname(coef(fit))), loglik = fit$loglik, score = fit$score,
       warning = message)
}

writeLines(
  json(list(
    R = R.version.string, survival = as.character(packageVersion("survival")),
    cases = lapply(cases, oracle), endless = lapply(endless, without_end))),
  "tests/oracles/cox.json")
