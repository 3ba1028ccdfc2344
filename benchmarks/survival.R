# The loops that a user of R would write, timed here so that starting R doesn't count.
#
#   Rscript survival.R LOOP FOLDER MEMBERS PATIENTS
#
# Reads time, code and group from FOLDER, a double per patient, cohort after cohort. Writes the
# answers there, prints the seconds. Exit status 3: a package is missing, and its name printed.

given <- commandArgs(trailingOnly = TRUE)
folder <- given[2]
members <- as.integer(given[3])
patients <- as.integer(given[4])
for (package in if (given[1] == "incidences") "cmprsk" else "survival")
  if (!suppressPackageStartupMessages(require(package, character.only = TRUE, quietly = TRUE))) {
    cat(package)
    quit(status = 3)
  }
read <- function(name)
  matrix(readBin(file.path(folder, name), "double", members * patients), nrow = patients)
time <- read("time")
code <- read("code")
group <- read("group")
event <- 1 * (code > 0)
months <- c(6, 12, 24)

# A loop's step, and what of its result is compared; only the former is timed.
steps <- list(
  curves = function(i) {
    fit <- survfit(Surv(time[, i], event[, i]) ~ 1, conf.type = "log-log")
    list(fit = fit, median = quantile(fit, 0.5))
  },
  cox = function(i) coxph(Surv(time[, i], event[, i]) ~ group[, i]),
  incidences = function(i) {
    found <- cuminc(time[, i], code[, i], group[, i])
    # cuminc gives a variance and no limits.
    limits <- lapply(found[names(found) != "Tests"], function(x) {
      width <- qnorm(0.975) * sqrt(x$var) / (x$est * log(x$est))
      cbind(x$est^exp(-width), x$est^exp(width))
    })
    list(found = found, limits = limits)
  }
)
answers <- list(
  curves = function(x, i) {
    place <- match(time[, i], x$fit$time)
    c(unlist(x$median), x$fit$surv[place], x$fit$lower[place], x$fit$upper[place])
  },
  cox = function(x, i) summary(x)$coefficients[, c(1, 3, 5)],
  incidences = function(x, i) {
    read <- function(name) {
      place <- findInterval(months, x$found[[name]]$time)
      c(x$found[[name]]$est[place], x$limits[[name]][place, ])
    }
    c(x$found$Tests[c("1", "2"), c("stat", "pv")], sapply(c("0 1", "0 2", "1 1", "1 2"), read))
  }
)
found <- vector("list", members)
cat(system.time(for (i in seq_len(members)) found[[i]] <- steps[[given[1]]](i))[["elapsed"]])
writeBin(
  as.double(unlist(lapply(seq_len(members), function(i) answers[[given[1]]](found[[i]], i)))),
  file.path(folder, "answers"))
