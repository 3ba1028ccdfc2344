# Kaplan-Meier as R's survival package gives it, to test helpers/survival.py against.
#
# From the root of the repository:   Rscript tests/oracles/kaplan_meier.R
#
# Writes tests/oracles/kaplan_meier.json, inputs included, so that the tests need no R.
# lung, veteran, ovarian and aml are data sets of that package.
# Numbers have 17 significant digits; null stands for R's NA and NaN.

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

case <- function(name, time, event, levels = 0.95) {
  list(name = name, time = time, event = event, levels = levels)
}
in_months <- function(days) days / 30.4375
# The stretch at one half is where medians differ: it ends in an event, or never ends.
cases <- list(
  case("lung, days", lung$time, lung$status - 1),
  case("veteran, months", in_months(veteran$time), veteran$status),
  case("ovarian, days", ovarian$futime, ovarian$fustat),
  case("aml, weeks", aml$time, aml$status, levels = c(0.5, 0.8, 0.95, 0.99)),
  case("aml maintained, weeks", aml$time[aml$x == "Maintained"], aml$status[aml$x == "Maintained"]),
  case("six patients", c(36, 15, 9, 8, 7, 5), c(1, 0, 1, 0, 0, 0)),
  case("one event", 5, 1),
  case("one censored", 5, 0),
  case("all censored", c(3, 1, 4, 1, 5), rep(0, 5)),
  case("all events", c(9, 2, 6, 5, 3, 8, 7), rep(1, 7), levels = c(0.95, 0.99)),
  case("all die together", c(4, 4, 4), rep(1, 3)),
  case("ties of events and censoring", c(1, 1, 1, 2, 2, 2, 3, 3, 4, 4), c(1, 1, 0, 1, 0, 0, 1, 1, 0, 1)),
  case("event at time zero", c(0, 1, 2, 3), c(1, 1, 1, 0)),
  case("censored at time zero", c(0, 1, 2, 3), c(0, 1, 0, 1)),
  case("all at time zero", c(0, 0), c(1, 0)),
  case("one half until an event", c(1, 2, 3, 4), c(1, 1, 0, 1)),
  case("one half until the end", c(1, 2, 3, 4), c(1, 1, 0, 0)),
  case("one half at the last time", c(1, 2, 3, 3), c(1, 0, 1, 0)),
  case("one half of 28", 1:28, rep(1, 28)),
  # 0.1 + 0.2 > 0.3: without R's timefix the censoring would come first.
  case("same time but for rounding", c(0.3, 0.1 + 0.2, 0.7, 1.1), c(0, 1, 1, 0)),
  case("same time within 1e-8", c(0.1, 0.1 + 1e-8, 0.2, 0.3), c(0, 1, 1, 0)),
  case("last patient dies", c(2, 4, 6, 8, 10, 12), c(1, 0, 1, 0, 0, 1))
)


oracle <- function(case) {
  surv <- Surv(case$time, case$event)
  last <- max(case$time)
  # Before, at and between observed times, none of them after the last.
  landmarks <- sort(unique(c(0, last * c(0.05, 0.25, 0.5, 0.9, 1), median(case$time))))
  base <- unclass(survival:::survfit0(survfit(surv ~ 1)))
  at <- c(landmarks, last + 1)
  limits <- list()
  for (level in case$levels) for (type in c("plain", "log", "log-log", "arcsin")) {
    fit <- survfit(surv ~ 1, conf.type = type, conf.int = level)
    from_zero <- unclass(survival:::survfit0(fit))
    there <- unclass(summary(fit, times = landmarks, extend = TRUE))
    table <- summary(fit)$table
    limits[[length(limits) + 1]] <- list(
      conf_type = type, level = level,
      lower = I(from_zero$lower), upper = I(from_zero$upper),
      median = unname(table[["median"]]),
      median_lower = unname(table[[paste0(level, "LCL")]]),
      median_upper = unname(table[[paste0(level, "UCL")]]),
      quantile = unname(unlist(quantile(fit, 0.5))),
      landmark_survival = I(there$surv),
      landmark_lower = I(there$lower), landmark_upper = I(there$upper))
  }
  list(
    name = case$name, time = I(case$time), event = I(case$event),
    curve = list(
      time = I(base$time), at_risk = I(base$n.risk), events = I(base$n.event),
      censored = I(base$n.censor), survival = I(base$surv)),
    at = I(at),
    number_at_risk = I(unclass(summary(survfit(surv ~ 1), times = at, extend = TRUE))$n.risk),
    landmarks = I(landmarks),
    reverse_median = summary(survfit(Surv(case$time, 1 - case$event) ~ 1))$table[["median"]],
    observed_median = median(case$time), shortest = min(case$time), longest = last,
    limits = limits)
}

writeLines(
  json(list(
    R = R.version.string, survival = as.character(packageVersion("survival")),
    cases = lapply(cases, oracle))),
  "tests/oracles/kaplan_meier.json")
