# Comparisons of survival curves, to test helpers/survival/comparison.py against.
#
# From the root of the repository:   Rscript tests/oracles/comparison.R
#
# Writes tests/oracles/comparison.json, inputs included, so that the tests need no R.
# survdiff knows the log-rank test and the Fleming-Harrington tests with one exponent. The others
# are computed below from their definition, one table of deaths after the other; where survdiff
# knows the test too, the script stops unless both agree.
# Numbers have 17 significant digits; null stands for R's NA and NaN.

suppressPackageStartupMessages(library(survival))

json <- function(x) {
  if (is.list(x)) {
    parts <- vapply(x, json, "")
    if (is.null(names(x))) return(paste0("[\n", paste(parts, collapse = ",\n"), "\n]"))
    return(paste0("{\n", paste0('"', names(x), '": ', parts, collapse = ",\n"), "\n}"))
  }
  if (is.null(x)) return("null")
  if (is.matrix(x)) {
    rows <- apply(x, 1, function(row) json(I(as.vector(row))))
    return(paste0("[", paste(rows, collapse = ", "), "]"))
  }
  text <- if (is.character(x)) paste0('"', x, '"')
          else ifelse(is.na(x), "null", sprintf("%.17g", as.double(x)))
  if (inherits(x, "AsIs") || length(x) != 1) paste0("[", paste(text, collapse = ", "), "]")
  else text
}

case <- function(name, time, event, group, at, strata = NULL) {
  known <- !is.na(group) & !is.na(time)
  if (!is.null(strata)) known <- known & !is.na(strata)
  list(name = name, time = time[known], event = event[known],
       group = as.integer(factor(group[known])),
       at = at, strata = if (is.null(strata)) NULL else as.integer(factor(strata[known])))
}

# Freireich EJ et al. Blood 1963;21:699-716: weeks in remission, 6-mercaptopurine and placebo.
remission <- data.frame(
  time = c(6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35,
           1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23),
  event = c(1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, rep(1, 21)),
  group = rep(c("6-MP", "placebo"), each = 21))
# Nahman NS et al. J Am Soc Nephrol 1992;3:103-107: months until infection of a catheter placed
# surgically or percutaneously; the example of Klein and Moeschberger's section 7.3.
catheter <- data.frame(
  time = c(1.5, 3.5, 4.5, 4.5, 5.5, 8.5, 8.5, 9.5, 10.5, 11.5, 15.5, 16.5, 18.5, 23.5, 26.5,
           2.5, 2.5, 3.5, 3.5, 3.5, 4.5, 5.5, 6.5, 6.5, 7.5, 7.5, 7.5, 7.5, 8.5, 9.5, 10.5, 11.5,
           12.5, 12.5, 13.5, 14.5, 14.5, 21.5, 21.5, 22.5, 22.5, 25.5, 27.5,
           rep(0.5, 6), 2.5, 2.5, 3.5, 6.5, 15.5,
           rep(0.5, 10), rep(1.5, 4), rep(2.5, 5), rep(3.5, 5), rep(4.5, 3), rep(5.5, 5), 6.5,
           7.5, 7.5, 7.5, 8.5, 8.5, 8.5, 9.5, 9.5, 10.5, 10.5, 10.5, 11.5, 11.5, rep(12.5, 4),
           14.5, 14.5, 16.5, 16.5, 18.5, 19.5, 19.5, 19.5, 20.5, 22.5, 24.5, 25.5, 26.5, 26.5,
           28.5),
  event = rep(c(1, 0, 1, 0), c(15, 28, 11, 65)),
  group = rep(1:2, c(43, 76)))
deaths <- colon[colon$etype == 2, ]
females <- rats[rats$sex == "f", ]
apart <- seq_along(veteran$time) / 1000  # so that no two die together

cases <- list(
  case("remission", remission$time, remission$event, remission$group, c(5, 10, 20)),
  case("catheter", catheter$time, catheter$event, catheter$group, c(3, 10, 20)),
  case("veteran, treatment", veteran$time, veteran$status, veteran$trt, c(60, 180)),
  case("veteran, cell type", veteran$time, veteran$status, veteran$celltype, c(30, 90)),
  case("veteran, treatment by cell type", veteran$time, veteran$status, veteran$trt, 90,
       veteran$celltype),
  case("veteran apart, cell type", veteran$time + apart, veteran$status, veteran$celltype, 90),
  case("veteran apart, treatment", veteran$time + apart, veteran$status, veteran$trt, 90),
  case("lung, sex", lung$time, lung$status - 1, lung$sex, c(180, 365)),
  case("lung, performance", lung$time, lung$status - 1, lung$ph.ecog, 90),
  case("lung, sex by institution", lung$time, lung$status - 1, lung$sex, 365, lung$inst),
  case("ovarian", ovarian$futime, ovarian$fustat, ovarian$rx, 365),
  case("aml", aml$time, aml$status, aml$x, c(13, 23)),
  case("colon, arm", deaths$time, deaths$status, deaths$rx, c(365, 1826)),
  case("colon, arm by nodes", deaths$time, deaths$status, deaths$rx, 1826, deaths$node4),
  case("rats by litter", females$time, females$status, females$rx, 90, females$litter),
  case("ties across groups", c(1, 1, 1, 2, 2, 2, 3, 3, 4, 4), c(1, 1, 0, 1, 0, 1, 1, 0, 1, 1),
       c(1, 2, 2, 1, 2, 2, 1, 2, 1, 2), 2),
  case("events at time zero", c(0, 0, 0, 1, 2, 3), c(1, 0, 1, 1, 0, 1), c(1, 2, 2, 1, 2, 2), 0),
  case("one event", c(3, 5, 4, 6), c(0, 1, 0, 0), c(1, 1, 2, 2), 5),
  case("a group that left before the first event", c(1, 2, 3, 4, 5, 6, 7), c(0, 0, 1, 1, 0, 1, 1),
       c(1, 1, 2, 3, 2, 3, 2), 5),
  # Only the last stratum, of four patients, connects groups 1 and 2 with 3 and 4.
  case("groups that few connect", c(1:20, 1:20, 1:4), rep(1, 44),
       c(rep(1:2, 10), rep(c(3, 4, 4, 3), 5), 1, 3, 1, 3), 5, rep(1:3, c(20, 20, 4))),
  # 0.1 + 0.2 > 0.3: without R's timefix the two would not be tied.
  case("same time but for rounding", c(0.3, 0.1 + 0.2, 0.7, 1.1, 0.3), c(1, 1, 1, 0, 0),
       c(1, 2, 1, 2, 2), 0.5)
)

# Observed and expected deaths and their variance, from a table for each time of a death.
from_tables <- function(case, weigh) {
  groups <- sort(unique(case$group))
  strata <- if (is.null(case$strata)) rep(1, length(case$time)) else case$strata
  time <- survival::aeqSurv(Surv(case$time, case$event))[, 1]
  observed <- expected <- setNames(numeric(length(groups)), groups)
  variance <- matrix(0, length(groups), length(groups))
  for (stratum in unique(strata)) {
    own <- strata == stratum
    when <- sort(unique(time[own & case$event == 1]))
    before <- tilde <- 1
    for (t in when) {
      at_risk <- vapply(groups, function(g) sum(own & time >= t & case$group == g), 0)
      died <- vapply(groups, function(g) sum(own & time == t & case$group == g & case$event == 1), 0)
      y <- sum(at_risk)
      d <- sum(died)
      tilde <- tilde * (1 - d / (y + 1))
      w <- weigh(y, before, tilde)
      observed <- observed + w * died
      expected <- expected + w * d * at_risk / y
      if (y > 1) {
        share <- at_risk / y
        variance <- variance +
          w^2 * d * (y - d) / (y - 1) * (diag(share, length(share)) - outer(share, share))
      }
      before <- before * (1 - d / y)
    }
  }
  list(observed = unname(observed), expected = unname(expected), variance = variance)
}

tests <- list(
  list("logrank", c(1, 0), function(y, before, tilde) 1),
  list("gehan", c(1, 0), function(y, before, tilde) y),
  list("tarone-ware", c(1, 0), function(y, before, tilde) sqrt(y)),
  list("peto", c(1, 0), function(y, before, tilde) tilde),
  list("modified-peto", c(1, 0), function(y, before, tilde) tilde * y / (y + 1)),
  list("fleming-harrington", c(1, 0), function(y, before, tilde) before),
  list("fleming-harrington", c(0.5, 0), function(y, before, tilde) sqrt(before)),
  list("fleming-harrington", c(0, 1), function(y, before, tilde) 1 - before),
  list("fleming-harrington", c(0.5, 2), function(y, before, tilde) sqrt(before) * (1 - before)^2))

by_survdiff <- function(case, rho, chosen = TRUE) {
  surv <- Surv(case$time, case$event)[chosen]
  group <- case$group[chosen]
  if (is.null(case$strata)) return(survdiff(surv ~ group, rho = rho))
  stratum <- case$strata[chosen]
  survdiff(surv ~ group + strata(stratum), rho = rho)
}

oracle <- function(case) {
  groups <- sort(unique(case$group))
  results <- lapply(tests, function(test) {
    found <- from_tables(case, test[[3]])
    difference <- found$observed - found$expected
    active <- which(diag(found$variance) > 0)
    df <- length(active) - 1
    chisq <- if (df < 1) NA else {
      rest <- active[-1]
      drop(difference[rest] %*% solve(found$variance[rest, rest, drop = FALSE], difference[rest]))
    }
    rho <- if (test[[1]] == "logrank") 0
           else if (test[[1]] == "fleming-harrington" && test[[2]][2] == 0) test[[2]][1]
    if (!is.null(rho)) {
      r <- by_survdiff(case, rho)
      stopifnot(all.equal(r$chisq, chisq, tolerance = 1e-10),
                all.equal(r$var, found$variance, tolerance = 1e-10, check.attributes = FALSE),
                all.equal(rowSums(cbind(r$exp)), found$expected, tolerance = 1e-10,
                          check.attributes = FALSE))
      chisq <- r$chisq
    }
    scores <- seq_along(groups)^2  # not evenly spaced
    along <- sum(scores * difference)^2 / drop(scores %*% found$variance %*% scores)
    list(weights = test[[1]], exponents = I(test[[2]]), observed = I(found$observed),
         expected = I(found$expected), variance = found$variance, statistic = chisq, df = df,
         p = pchisq(chisq, df, lower.tail = FALSE), scores = I(scores), trend = along,
         trend_p = pchisq(along, 1, lower.tail = FALSE))
  })

  pairs <- if (length(groups) > 2 && !grepl("left before|few connect", case$name)) {
    both <- t(combn(groups, 2))
    p <- apply(both, 1, function(pair) {
      found <- by_survdiff(case, 0, case$group %in% pair)
      pchisq(found$chisq, 1, lower.tail = FALSE)
    })
    list(groups = both, p = I(p), holm = I(p.adjust(p, "holm")),
         bonferroni = I(p.adjust(p, "bonferroni")))
  }

  peto <- if (length(groups) == 2) {
    found <- by_survdiff(case, 0)
    v <- found$var[2, 2]
    log_ratio <- sum(cbind(found$obs - found$exp)[2, ]) / v
    as.list(setNames(exp(log_ratio + c(0, -1, 1) * qnorm(0.95) / sqrt(v)),
                     c("value", "lower_90", "upper_90")))
  }

  surv <- Surv(case$time, case$event)
  group <- case$group
  fit <- survfit(surv ~ group)
  landmarks <- lapply(case$at, function(t) {
    there <- summary(fit, times = t, extend = TRUE)
    s <- there$surv
    v <- (there$std.err / s)^2
    scales <- list(
      "plain" = list(s, s^2 * v),
      "log" = list(log(s), v),
      "log-log" = list(log(-log(s)), v / log(s)^2),
      "arcsine" = list(asin(sqrt(s)), s * v / (4 * (1 - s))),
      "logit" = list(log(s / (1 - s)), v / (1 - s)^2))
    beyond <- any(t > tapply(case$time, case$group, max)) || any(s %in% c(0, 1))
    chisq <- vapply(scales, function(x) {
      if (beyond) return(NA_real_)
      contrast <- cbind(1, -diag(length(s) - 1))
      drop(t(contrast %*% x[[1]]) %*%
             solve(contrast %*% diag(x[[2]]) %*% t(contrast), contrast %*% x[[1]]))
    }, 0)
    list(at = t, survival = I(s), statistic = as.list(chisq),
         p = as.list(pchisq(chisq, length(s) - 1, lower.tail = FALSE)))
  })

  list(name = case$name, time = I(case$time), event = I(case$event), group = I(case$group),
       strata = if (is.null(case$strata)) NULL else I(case$strata),
       tests = results, pairs = pairs, peto = peto, landmarks = landmarks)
}

# Cox's score test, where no two die together.
score <- function(name, time, event, covariate, data) {
  list(name = name, statistic = coxph(Surv(time, event) ~ covariate)$score)
}
trend <- as.integer(factor(veteran$celltype))^2
scores <- list(
  score("ovarian", ovarian$futime, ovarian$fustat, ovarian$rx),
  score("veteran apart, treatment", veteran$time + apart, veteran$status, veteran$trt),
  score("veteran apart, cell type", veteran$time + apart, veteran$status, veteran$celltype),
  score("veteran apart, cell type, trend", veteran$time + apart, veteran$status, trend))

writeLines(
  json(list(
    R = R.version.string, survival = as.character(packageVersion("survival")),
    cases = lapply(cases, oracle), cox = scores)),
  "tests/oracles/comparison.json")
