// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Comma-separated values, RFC 4180. People upload such files, so reading is strict and bounded:
/// a misplaced quote is an error with its line number, never a shifted column.
namespace fiona::csv {

using Rows = std::vector<std::vector<std::string>>;

struct NumberedRow {
    std::size_t line = 0; ///< where it begins, from 1
    std::vector<std::string> cells;
};

struct Limits {
    std::size_t max_bytes = std::size_t{64} << 20U;
    std::size_t max_cells = 10'000'000;
};

/// All rows, the header included; they need not be of equal length. Lines end with LF or CRLF; a
/// byte order mark and empty lines are skipped. Throws Error{Fault::data} that names `what` and
/// the line, never the content: bytes that are not UTF-8, a quote inside an unquoted cell, text
/// after a closing quote, a missing closing quote, or a limit passed.
[[nodiscard]] Rows parse(std::string_view text, char delimiter, std::string_view what,
                         Limits limits = {});

/// The same with line numbers, for complaints about single rows.
[[nodiscard]] std::vector<NumberedRow> parse_numbered(std::string_view text, char delimiter,
                                                      std::string_view what, Limits limits = {});

/// One cell as REDCap writes it: in quotes if it holds the delimiter, a quote, a line break, a tab
/// or a blank.
[[nodiscard]] std::string quoted(std::string_view text, char delimiter);

} // namespace fiona::csv
