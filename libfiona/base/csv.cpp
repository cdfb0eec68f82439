// SPDX-License-Identifier: MIT
#include "libfiona/base/csv.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <utility>

namespace fiona::csv {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

class Reader {
public:
    Reader(std::string_view text, char delimiter, std::string_view what, std::size_t max_cells)
        : m_text{text}, m_delimiter{delimiter}, m_what{what}, m_max_cells{max_cells}
    {
    }

    std::vector<NumberedRow> read()
    {
        std::vector<NumberedRow> rows;
        while (m_at < m_text.size()) {
            if (skip_line_end()) {
                continue;
            }
            const auto line = m_line;
            rows.push_back({line, row()});
        }
        return rows;
    }

private:
    std::vector<std::string> row()
    {
        std::vector<std::string> cells;
        for (;;) {
            if (++m_cells > m_max_cells) {
                throw Error{Fault::data, "{}: line {}: more than {} cells", m_what, m_line,
                            m_max_cells};
            }
            cells.push_back(here() == '"' ? quoted_cell() : plain_cell());
            if (m_at < m_text.size() && here() == m_delimiter) {
                ++m_at;
                continue;
            }
            skip_line_end();
            return cells;
        }
    }

    std::string plain_cell()
    {
        const auto begin = m_at;
        while (m_at < m_text.size() && here() != m_delimiter && !at_line_end()) {
            if (here() == '"') {
                fail("a quote inside a cell that does not begin with one");
            }
            ++m_at;
        }
        return std::string{m_text.substr(begin, m_at - begin)};
    }

    std::string quoted_cell()
    {
        const auto first_line = m_line;
        std::string cell;
        for (++m_at; m_at < m_text.size(); ++m_at) {
            if (here() != '"') {
                m_line += here() == '\n' ? 1U : 0U;
                cell += here();
                continue;
            }
            ++m_at;
            if (here() == '"') {
                cell += '"';
                continue;
            }
            if (m_at < m_text.size() && here() != m_delimiter && !at_line_end()) {
                fail("text after a closing quote");
            }
            return cell;
        }
        m_line = first_line;
        fail("a quote that is never closed");
    }

    /// NUL past the end: no delimiter, quote or line end.
    [[nodiscard]] char here() const { return m_at < m_text.size() ? m_text[m_at] : '\0'; }

    [[nodiscard]] bool at_line_end() const
    {
        return here() == '\n' || m_text.substr(m_at, 2) == "\r\n"
               || (here() == '\r' && m_at + 1 == m_text.size());
    }

    bool skip_line_end()
    {
        if (m_at >= m_text.size() || !at_line_end()) {
            return false;
        }
        m_at += m_text.substr(m_at, 2) == "\r\n" ? 2U : 1U;
        ++m_line;
        return true;
    }

    [[noreturn]] void fail(std::string_view reason) const
    {
        throw Error{Fault::data, "{}: line {}: {}", m_what, m_line, reason};
    }

    std::string_view m_text;
    char m_delimiter;
    std::string_view m_what;
    std::size_t m_max_cells;
    std::size_t m_at = 0;
    std::size_t m_line = 1;
    std::size_t m_cells = 0;
};

} // namespace

Rows parse(std::string_view text, char delimiter, std::string_view what, Limits limits)
{
    Rows rows;
    for (auto& row : parse_numbered(text, delimiter, what, limits)) {
        rows.push_back(std::move(row.cells));
    }
    return rows;
}

std::vector<NumberedRow> parse_numbered(std::string_view text, char delimiter,
                                        std::string_view what, Limits limits)
{
    if (text.size() > limits.max_bytes) {
        throw Error{Fault::data, "{}: {} bytes of CSV, more than the {} allowed", what, text.size(),
                    limits.max_bytes};
    }
    if (!is_utf8(text)) {
        throw Error{Fault::data, "{}: not UTF-8", what};
    }
    if (text.starts_with(byte_order_mark)) {
        text.remove_prefix(byte_order_mark.size());
    }
    return Reader{text, delimiter, what, limits.max_cells}.read();
}

std::string quoted(std::string_view text, char delimiter)
{
    constexpr std::string_view special = "\"\r\n\t ";
    if (text.find_first_of(special) == std::string_view::npos
        && text.find(delimiter) == std::string_view::npos) {
        return std::string{text};
    }
    std::string out{'"'};
    for (const char c : text) {
        out.append(c == '"' ? 2 : 1, c);
    }
    out += '"';
    return out;
}

} // namespace fiona::csv
