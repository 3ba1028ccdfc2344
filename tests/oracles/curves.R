# What is read off survival curves, to test helpers/survival/curves.py against.
#
# From the root of the repository:   Rscript tests/oracles/curves.R
#
# Writes tests/oracles/curves.json, inputs included, so that the tests need no R.
# lung, veteran, ovarian, colon, mgus2, aml, pbc and stanford2 are data sets of R's package survival.
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

case <- function(name, time, event) list(name = name, time = time, event = as.numeric(event))
deaths <- colon[colon$etype == 2, ]
trial <- pbc[!is.na(pbc$trt), ]
cases <- list(
  case("lung", lung$time, lung$status - 1),
  case("veteran, months", veteran$time / 30.4375, veteran$status),
  case("ovarian", ovarian$futime, ovarian$fustat),
  case("colon, observation", deaths$time[deaths$rx == "Obs"], deaths$status[deaths$rx == "Obs"]),
  case("mgus2, months", mgus2$futime, mgus2$death),
  case("pbc, penicillamine, years", trial$time[trial$trt == 1] / 365.25,
       trial$status[trial$trt == 1] == 2),
  case("pbc, placebo, years", trial$time[trial$trt == 2] / 365.25,
       trial$status[trial$trt == 2] == 2),
  case("stanford2", stanford2$time, stanford2$status),
  case("aml", aml$time, aml$status),
  case("aml maintained", aml$time[aml$x == "Maintained"], aml$status[aml$x == "Maintained"]),
  # Freireich EJ et al. Blood 1963;21:699-716.
  case("6-mercaptopurine",
       c(6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35),
       c(1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0)),
  case("placebo", c(1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23),
       rep(1, 21)),
  case("one event", 5, 1),
  case("one censored", 5, 0),
  case("all censored", c(3, 1, 4, 1, 5), rep(0, 5)),
  case("all die together", c(4, 4, 4), rep(1, 3)),
  case("all at time zero", c(0, 0), c(1, 0)),
  case("event at time zero", c(0, 1, 2, 3), c(1, 1, 1, 0)),
  case("event and censoring at time zero", c(0, 0, 2, 3, 5), c(1, 0, 1, 0, 1)),
  case("level at each quarter", c(1, 2, 3, 4, 5, 6, 7, 8), rep(1, 8)),
  case("level at three quarters to the end", c(1, 2, 3, 4, 5, 6, 7, 8), c(1, 1, 0, 0, 0, 0, 0, 0)),
  case("level at one half to the end", c(1, 2, 3, 4), c(1, 1, 0, 0)),
  case("level at one half until an event", c(1, 2, 3, 4), c(1, 1, 0, 1)),
  case("level at one quarter, one time", c(1, 1, 1, 1), c(1, 1, 1, 0)),
  case("ties of events and censoring", c(1, 1, 1, 2, 2, 2, 3, 3, 4, 4),
       c(1, 1, 0, 1, 0, 0, 1, 1, 0, 1)),
  # 0.1 + 0.2 > 0.3: without R's timefix the censoring would come first.
  case("same time but for rounding", c(0.3, 0.1 + 0.2, 0.7, 1.1), c(0, 1, 1, 0))
)

oracle <- function(case) {
  surv <- Surv(case$time, case$event)
  last <- max(case$time)
  # Before, at, between and after the observed times.
  at <- sort(unique(c(0, last * c(0.05, 0.25, 0.5, 0.9, 1, 1.25), median(case$time), last + 1)))
  shares <- c(0.1, 0.25, 0.5, 0.75, 0.9)
  types <- c("plain", "log", "log-log", "arcsin")
  limits <- lapply(types, function(type) {
    fit <- survfit(surv ~ 1, conf.type = type, conf.int = 0.9)
    table <- summary(fit)$table
    there <- unclass(summary(fit, times = at, extend = TRUE))
    quantiles <- quantile(fit, shares)
    follow_up <- summary(survfit(Surv(case$time, 1 - case$event) ~ 1, conf.type = type))$table
    list(
      conf_type = if (type == "arcsin") "arcsine" else type,
      median = I(unname(table[c("median", "0.9LCL", "0.9UCL")])),
      quantile = I(unname(quantiles$quantile)),
      quantile_lower = I(unname(quantiles$lower)), quantile_upper = I(unname(quantiles$upper)),
      lower = I(there$lower), upper = I(there$upper),
      follow_up = I(unname(follow_up[c("median", "0.95LCL", "0.95UCL")])))
  })
  fit <- survfit(surv ~ 1)
  there <- unclass(summary(fit, times = at, extend = TRUE))
  horizons <- at[at > 0 & at >= min(case$time)]  # R refuses others
  means <- lapply(horizons, function(tau) {
    table <- summary(fit, rmean = tau)$table
    unname(table[c("rmean", "se(rmean)")])
  })
  list(
    name = case$name, time = I(case$time), event = I(case$event), at = I(at),
    survival = I(there$surv),
    # R counts events and censorings since the time before.
    at_risk = I(there$n.risk), events = I(cumsum(there$n.event)),
    censored = I(cumsum(there$n.censor)),
    shares = I(shares), limits = limits,
    horizons = I(horizons), mean = I(vapply(means, `[`, 0, 1)),
    mean_std_err = I(vapply(means, `[`, 0, 2)))
}

writeLines(
  json(list(
    R = R.version.string, survival = as.character(packageVersion("survival")),
    cases = lapply(cases, oracle))),
  "tests/oracles/curves.json")
