# The published numbers of a made-up trial as R gives them, to test
# helpers/reconstruct/verification.py against.
#
# From the root of the repository:   Rscript tests/oracles/verification.R
#
# Writes tests/oracles/verification.json, patients included, so that the tests need no R.
# Needs the packages survival and cmprsk. Days count from the start of treatment.
# Numbers have 17 significant digits; null stands for R's NA.

suppressPackageStartupMessages({library(survival); library(cmprsk)})

json <- function(x) {
  if (is.list(x)) {
    parts <- vapply(x, json, "")
    return(paste0("{\n", paste0('"', names(x), '": ', parts, collapse = ",\n"), "\n}"))
  }
  text <- if (is.character(x)) ifelse(is.na(x), "null", paste0('"', x, '"'))
          else ifelse(is.na(x), "null", sprintf("%.17g", as.double(x)))
  if (inherits(x, "AsIs") || length(x) != 1) paste0("[", paste(text, collapse = ", "), "]")
  else text
}

month <- 30.4375
p <- data.frame(
  arm      = rep(c("A", "B"), each = 14),
  risk     = rep(c("low", "medium", "high"), length.out = 28),
  age      = c(21, 24, 30, 33, 35, 38, 41, 44, 47, 50, 54, 55, 57, 60,
               23, 26, 29, 33, 36, 39, 42, 45, 46, 50, 54, 55, 58, 62),
  response = c( 28,  30,  31,  28,  35,  60,  29,  33,  28,  56,  NA,  NA,  NA,  61,
                29,  28,  62,  33,  30,  58,  28,  NA,  NA,  NA,  NA,  31,  NA,  NA),
  relapse  = c( NA, 150,  NA, 310,  NA,  NA, 420,  NA,  NA, 200,  NA,  NA,  NA,  NA,
               100, 128, 250, 180,  NA,  NA,  90,  NA,  NA,  NA,  NA, 330,  NA,  NA),
  death    = c( NA, 300,  NA, 500, 240,  NA,  NA,  NA, 330, 380,  90,  25, 480,  NA,
               210, 190, 400,  NA, 120, 160, 150,  NA, 140,  20, 260,  NA, 220,  95),
  last     = c(610, 300, 520, 500, 240, 700, 560, 310, 330, 380, 90,  25, 480, 640,
               210, 190, 400, 300, 120, 160, 150,  75, 140,  20, 260, 590, 220,  95))
p$failure <- ifelse(is.na(p$response), pmin(56, p$last), NA)

os <- Surv(p$last / month, !is.na(p$death))
of_curve <- function(rows) {
  fit <- survfit(os[rows] ~ 1, conf.type = "log-log")
  at <- summary(fit, times = 12)
  table <- summary(fit)$table
  list(rate = I(100 * c(at$surv, at$lower, at$upper)),
       median = I(unname(table[c("median", "0.95LCL", "0.95UCL")])))
}
everyone <- rep(TRUE, nrow(p))
first <- p$arm == "A"

efs_end <- pmin(p$failure, p$relapse, p$death, p$last, na.rm = TRUE)
efs <- survfit(Surv(efs_end / month, !is.na(p$failure) | !is.na(p$relapse) | !is.na(p$death)) ~ 1,
               conf.type = "log-log")
efs_at <- summary(efs, times = 6)

crc <- !is.na(p$response)
end <- (pmin(p$relapse, p$last, na.rm = TRUE) - p$response)[crc] / month
code <- ifelse(!is.na(p$relapse), 1, ifelse(!is.na(p$death), 2, 0))[crc]
incidence <- function(rows, month) {
  found <- timepoints(cuminc(end[rows], code[rows]), month)
  f <- found$est["1 1", 1]; se <- sqrt(found$var["1 1", 1]); w <- qnorm(0.975) * se / (f * log(f))
  I(unname(100 * c(f, sort(c(f^exp(w), f^exp(-w))))))
}
model <- crr(end, code, as.numeric(p$arm[crc] == "A"))
cox <- summary(coxph(os ~ first))
cut <- pmin(p$last / month, 6)

test <- function(time, event) {
  pchisq(survdiff(Surv(time, event) ~ p$arm)$chisq, 1, lower.tail = FALSE)
}
quantiles <- function(x) I(c(quantile(x, c(.5, .25, .75), type = 7, names = FALSE),
                             quantile(x, c(.5, .25, .75), type = 6, names = FALSE)))
reverse <- summary(survfit(Surv(p$last / month, is.na(p$death)) ~ 1))$table[["median"]]

found <- list(
  R = R.version.string, survival = as.character(packageVersion("survival")),
  cmprsk = as.character(packageVersion("cmprsk")),
  patients = lapply(p, I),
  os_all = of_curve(everyone), os_a = of_curve(first), os_b = of_curve(!first),
  efs_6m = I(100 * c(efs_at$surv, efs_at$lower, efs_at$upper)),
  relapse_crc = incidence(rep(TRUE, sum(crc)), 12),
  relapse_a = incidence(p$arm[crc] == "A", 6), relapse_b = incidence(p$arm[crc] == "B", 6),
  relapse_low = incidence(p$risk[crc] == "low", 6),
  relapse_medium = incidence(p$risk[crc] == "medium", 6),
  relapse_high = incidence(p$risk[crc] == "high", 6),
  p_os = test(p$last / month, !is.na(p$death)),
  p_os_6 = test(cut, !is.na(p$death) & p$last / month <= 6),
  p_relapse = unname(2 * pnorm(-abs(model$coef / sqrt(diag(model$var))))),
  p_relapse_risk = cuminc(end, code, p$risk[crc])$Tests["1", "pv"],
  hazard_ratio = I(unname(c(cox$conf.int[1], cox$conf.int[3:4]))),
  p_hazard_ratio = cox$coefficients[1, "Pr(>|z|)"],
  reverse = reverse, range = I(range(p$last / month)),
  follow_up = quantiles(p$last / month),
  to_relapse = I(c(median(end[code == 1]), range(end[code == 1]))),
  age = quantiles(p$age),
  crc = I(c(sum(crc & first), sum(crc & !first))),
  crc_a = I(100 * binom.test(sum(crc & first), 14)$conf.int),
  p_crc = suppressWarnings(chisq.test(table(p$arm, crc), correct = FALSE)$p.value))
writeLines(json(found), "tests/oracles/verification.json")
