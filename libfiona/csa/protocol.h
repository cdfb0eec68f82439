// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::csa {

/// The measurement protocol in ASCCONV form: the lines `key = value` between `### ASCCONV BEGIN`
/// and `### ASCCONV END ###` of MrPhoenixProtocol (CSA series header), or of (0021,xx19) in the
/// files of XA software. It keeps views into the text it was parsed from, which must outlive it.
class Protocol {
public:
    Protocol() = default; ///< without values
    /// Never throws on what `text` holds. A part without an end goes on to the last whole line.
    [[nodiscard]] static Protocol parse(std::string_view text);

    /// Without the quotes (`"` or `""`) around it, as UTF-8; nothing if there is no such key. Of two
    /// lines with one key the first counts.
    [[nodiscard]] std::optional<std::string> value(std::string_view key) const;
    /// Of the first line whose key ends so.
    [[nodiscard]] std::optional<std::string> value_by_ending(std::string_view ending) const;
    /// Lines.
    [[nodiscard]] std::size_t size() const { return m_lines.size(); }

private:
    struct Line {
        std::string_view key;
        std::string_view value;
    };
    std::vector<Line> m_lines;
};

} // namespace fiona::csa
