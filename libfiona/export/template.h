// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::exports {

/// A text with fields in braces, of a site's exports.json: `{StudyDate}_{StudyTime}{_Event}`.
///
///     {Name}       the value
///     {_Name}      a `_` and the value; nothing where there is no value
///     {Name:04}    with zeros in front, at least four characters
///     {Name|text}  `text` where there is no value; it may be empty
class Template {
public:
    Template() = default;
    /// Throws Error{Fault::config} for braces that do not fit and names that are not in `names`.
    Template(std::string_view text, const std::vector<std::string_view>& names);

    /// The value of a field; nothing, or "", if there is none.
    using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

    /// One value. Nothing if a field without `|` has none.
    [[nodiscard]] std::optional<std::string> value(const Lookup& lookup) const;
    /// A path below a package: each field is made safe by safe_part() ("unknown" where there is no
    /// value), and no part of the path is empty.
    [[nodiscard]] std::string path(const Lookup& lookup) const;
    [[nodiscard]] bool uses(std::string_view name) const;
    [[nodiscard]] bool is_empty() const { return m_pieces.empty(); }

private:
    struct Piece {
        std::string literal{}; ///< or the name of a field
        bool is_field = false;
        bool is_optional = false;
        std::size_t width = 0;
        std::optional<std::string> fallback{};
    };
    [[nodiscard]] static std::string filled(const Piece& piece, std::string value);

    std::vector<Piece> m_pieces;
};

/// A value as part of a file name: what is neither letter (æ, ø, å among them) nor digit nor `_` nor
/// `^` becomes `-`; at most 120 bytes, never empty ("unknown").
[[nodiscard]] std::string safe_part(std::string_view value);
/// The same, but dots stay, unless they are first.
[[nodiscard]] std::string safe_file(std::string_view value);

} // namespace fiona::exports
