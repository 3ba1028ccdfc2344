# Tests of tables of counts as R gives them, to test helpers/association.py against.
#
# From the root of the repository:   Rscript tests/oracles/association.R
#
# Writes tests/oracles/association.json, inputs included, so that the tests need no R.
# Numbers have 17 significant digits; null stands for a test that R has not for such a table.

json <- function(x) {
  if (is.list(x)) {
    parts <- vapply(x, json, "")
    if (is.null(names(x))) return(paste0("[\n", paste(parts, collapse = ",\n"), "\n]"))
    return(paste0("{", paste0('"', names(x), '": ', parts, collapse = ", "), "}"))
  }
  text <- if (is.character(x)) paste0('"', x, '"')
          else ifelse(is.na(x), "null", sprintf("%.17g", as.double(x)))
  if (inherits(x, "AsIs") || length(x) != 1) paste0("[", paste(text, collapse = ", "), "]")
  else text
}

oracle <- function(cells, columns) {
  table <- matrix(cells, ncol = columns, byrow = TRUE)
  two <- all(dim(table) == 2)
  # One patient a line, with the numbers of his row and of his column.
  rows <- rep(row(table), table)
  cols <- rep(col(table), table)
  n <- sum(table)
  share <- table[, 1] / rowSums(table)
  spread <- sqrt(sum(share * (1 - share) / rowSums(table)))
  freedom <- prod(dim(table) - 1)
  lrt <- loglin(table, list(1, 2), print = FALSE)$lrt
  quiet <- suppressWarnings
  # All tables with the margins of a 2 x 2 table, by its first cell.
  first <- if (two) 0:sum(table[1, ]) else 0
  chance <- if (two) dhyper(first, sum(table[, 1]), sum(table[, 2]), sum(table[1, ])) else 0
  seen <- if (two) dhyper(table[1, 1], sum(table[, 1]), sum(table[, 2]), sum(table[1, ])) else 0
  equal <- abs(chance / seen - 1) < 1e-7
  list(
    table = lapply(seq_len(nrow(table)), function(i) I(table[i, ])),
    p = list(
      chi2 = quiet(chisq.test(table, correct = FALSE)$p.value),
      yates = if (two) quiet(chisq.test(table, correct = TRUE)$p.value) else NA,
      fisher = fisher.test(table, workspace = 2e7)$p.value,
      fisher_mid = if (two) sum(chance[chance < seen & !equal]) + sum(chance[equal]) / 2 else NA,
      fisher_one_sided = if (two) {
        min(fisher.test(table, alternative = "less")$p.value,
            fisher.test(table, alternative = "greater")$p.value)
      } else NA,
      chi2_one_sided = if (two) {
        quiet(min(prop.test(table, correct = FALSE, alternative = "less")$p.value,
                  prop.test(table, correct = FALSE, alternative = "greater")$p.value))
      } else NA,
      likelihood_ratio = pchisq(lrt, freedom, lower.tail = FALSE),
      trend = pchisq((n - 1) * cor(rows, cols)^2, 1, lower.tail = FALSE),
      cochran_armitage = if (columns == 2) {
        quiet(prop.trend.test(table[, 1], rowSums(table))$p.value)
      } else NA,
      z_unpooled = if (two && spread > 0) {
        2 * pnorm(-abs(share[1] - share[2]) / spread)
      } else NA))
}

cases <- list(
  list(c(3, 1, 1, 3), 2), list(c(23, 13, 45, 15), 2), list(c(16, 1, 14, 8), 2),
  list(c(15, 12, 6, 0), 2), list(c(22, 20, 9, 19), 2), list(c(0, 5, 7, 0), 2),
  list(c(10, 10, 10, 10), 2), list(c(1, 0, 0, 1), 2), list(c(120, 30, 80, 45), 2),
  list(c(2, 40, 1, 55), 2), list(c(29, 8, 10, 6, 29, 14), 2), list(c(16, 1, 14, 8, 38, 19), 2),
  list(c(6, 0, 41, 12, 15, 12), 2), list(c(6, 0, 41, 12, 15, 12, 6, 4), 2),
  list(c(6, 31, 0, 16, 1, 42), 2), list(c(25, 12, 0, 6, 8, 2, 14, 22, 7), 3),
  list(c(14, 22, 7, 25, 12, 0), 3), list(c(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8), 4),
  list(c(4, 18, 12, 3, 0, 10, 3, 3, 2, 25, 12, 4), 4), list(c(1, 2, 3, 4, 5, 6, 7, 8, 0, 2), 2))

writeLines(
  json(list(R = R.version.string, cases = lapply(cases, function(x) oracle(x[[1]], x[[2]])))),
  "tests/oracles/association.json")
