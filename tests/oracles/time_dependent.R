# A change during follow-up as R's survival package has it, to test
# helpers/survival/time_dependent.py against.
#
# From the root of the repository:   Rscript tests/oracles/time_dependent.R
#
# Writes tests/oracles/time_dependent.json, inputs included, so that the tests need no R.
# jasa (the heart transplants), mgus2 and pbc are data sets of that package. For the heart data the
# episodes are R's own (heart), made by its authors; for the others they are made by tmerge.
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

# Patients of heart: two episodes for those transplanted. It moves deaths on the day of the
# transplant, or of acceptance, half a day on.
id <- heart$id
last <- !duplicated(id, fromLast = TRUE)
heart_time <- heart$stop[last]
heart_change <- ifelse(heart$transplant[last] == 1, heart$start[last], NA)
heart_change[heart$transplant[last] == 1 & !duplicated(id)[last]] <- 0
made_time <- c(1, 2, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9)
made_event <- c(1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 0)
made_change <- c(NA, 1, 2, NA, 2, 3, 2, NA, 4, 4, 0, 20)
cases <- list(
  list(name = "heart", time = heart_time, event = heart$event[last], change = heart_change,
       starts = c(0, 30, 100)),
  list(name = "progression, then death", time = mgus2$futime, event = mgus2$death,
       change = ifelse(mgus2$pstat == 1, mgus2$ptime, NA), starts = c(0, 24.5)),
  list(name = "ties of change and event", time = made_time, event = made_event,
       change = made_change, starts = c(0, 2.5)),
  # The first to change dies at once: the curve after the change is 0 from then on.
  list(name = "empty early", time = c(2, 4, 5, 6, 7, 8), event = c(1, 1, 0, 1, 1, 0),
       change = c(1, 3, 3, NA, 6, NA), starts = c(0, 3)),
  list(name = "nobody changes", time = c(2, 4, 5, 6), event = c(1, 1, 0, 1), change = rep(NA, 4),
       starts = 0),
  list(name = "same time but for rounding", time = c(0.3, 0.1 + 0.2, 0.7, 1.1, 0.9),
       event = c(1, 1, 1, 0, 1), change = c(0.1 + 0.2, 0.1, 0.3, 0.5, NA), starts = 0)
)

# Surv() refuses intervals without length, and timefix those that rounding has made: the data are
# put on a grid first and such intervals left out.
split_at_change <- function(case) {
  n <- length(case$time)
  time <- round(case$time, 9)
  change <- round(case$change, 9)
  change[!is.na(change) & change >= time] <- NA
  after <- !is.na(change)
  rows <- rbind(
    data.frame(id = 1:n, entry = 0, time = ifelse(after, change, time),
               event = ifelse(after, 0, case$event), state = 0),
    data.frame(id = 1:n, entry = change, time = time, event = case$event, state = 1)[after, ])
  rows[rows$time > rows$entry, ]
}

curve <- function(rows, start) {
  # R counts events at start.time too, the kit only those after it.
  rows <- rows[rows$time > start, ]
  rows$entry <- pmax(rows$entry, start)
  lapply(0:1, function(state) {
    mine <- rows[rows$state == state, ]
    if (!nrow(mine)) return(list(time = I(numeric())))
    fits <- lapply(c("plain", "log", "log-log", "arcsin"), function(type)
      survfit(Surv(entry, time, event) ~ 1, mine, conf.type = type))
    names(fits) <- c("plain", "log", "log-log", "arcsine")
    fit <- fits[["log-log"]]
    there <- fit$time %in% mine$time  # not the times at which somebody enters
    list(time = I(fit$time[there]), at_risk = I(fit$n.risk[there]), events = I(fit$n.event[there]),
         survival = I(fit$surv[there]), std_err = I(ifelse(is.finite(fit$std.err), fit$std.err, NA)[there]),
         median = summary(fit)$table[["median"]],
         limits = lapply(fits, function(one)
           list(lower = I(one$lower[there]), upper = I(one$upper[there]))))
  })
}

oracle <- function(case) {
  rows <- split_at_change(case)
  if (case$name == "heart") {
    same <- rows[order(rows$id, rows$state), ]
    stopifnot(same$entry == heart$start, same$time == heart$stop, same$event == heart$event,
              same$state == (heart$transplant == 1))
  }
  test <- NULL
  if (any(rows$state == 1)) {
    times <- sort(unique(rows$time[rows$event == 1]))
    at <- sapply(times, function(t) with(rows, {
      risk <- entry < t & t <= time
      d <- sum(event[time == t])
      n <- sum(risk)
      n1 <- sum(risk & state == 1)
      c(d * n1 / n, if (n > 1) d * n1 / n * (1 - n1 / n) * (n - d) / (n - 1) else 0)
    }))
    o <- sum(rows$event[rows$state == 1])
    test <- list(observed = o, expected = sum(at[1, ]), variance = sum(at[2, ]),
                 statistic = (o - sum(at[1, ]))^2 / sum(at[2, ]))
    # The same from R itself. With many ties it takes forever.
    if (nrow(rows) < 200) test$score <- coxph(
      Surv(entry, time, event) ~ state, rows, ties = "exact",
      control = coxph.control(iter.max = 0))$score
  }
  cox <- NULL
  if (case$name %in% c("heart", "progression, then death")) {
    fit <- coxph(Surv(entry, time, event) ~ state, rows,
                 control = coxph.control(eps = 1e-11, toler.chol = 1e-12))
    cox <- list(coefficient = unname(coef(fit)), std_err = sqrt(fit$var[1, 1]), score = fit$score)
  }
  found <- list(
    name = case$name, time = I(case$time), event = I(case$event), change = I(case$change),
    rows = list(id = I(rows$id), entry = I(rows$entry), time = I(rows$time),
                event = I(rows$event), state = I(rows$state)),
    starts = I(case$starts), curves = lapply(case$starts, curve, rows = rows))
  if (!is.null(test)) found$test <- test
  if (!is.null(cox)) found$cox <- cox
  found
}

writeLines(
  json(list(
    R = R.version.string, survival = as.character(packageVersion("survival")),
    cases = lapply(cases, oracle))),
  "tests/oracles/time_dependent.json")
