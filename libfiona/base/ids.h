// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/format.h>

#include <compare>
#include <string>
#include <string_view>
#include <utility>

namespace fiona {

/// A string that has passed `Rule::check`, and that the compiler will not confuse
/// with another kind of string. Holding one means it was checked: nobody checks twice.
template <typename Rule>
class Checked {
public:
    /// Throws Error{Fault::data} if the text breaks the rule.
    explicit Checked(std::string text) : m_text{std::move(text)} { Rule::check(m_text); }

    [[nodiscard]] const std::string& str() const noexcept { return m_text; }

    friend auto operator<=>(const Checked&, const Checked&) = default;

private:
    std::string m_text;
};

/// True if `text` is 1..64 characters of digits and dots with no empty component: safe as a file
/// name. PS3.5 §9.1 also forbids leading zeros; real scanners send them, so they pass.
[[nodiscard]] bool is_uid(std::string_view text);

namespace detail {
void check_uid(std::string_view kind, std::string_view text);

struct StudyRule {
    static void check(std::string_view text) { check_uid("study UID", text); }
};
struct SeriesRule {
    static void check(std::string_view text) { check_uid("series UID", text); }
};
struct SopInstanceRule {
    static void check(std::string_view text) { check_uid("SOP instance UID", text); }
};
/// 1..64 bytes of UTF-8 without control characters, `/`, `\`, quotes or brackets (they mean
/// something to DICOM, REDCap filters or paths), not starting with `.`, `-` or a blank.
struct ProjectRule {
    static void check(std::string_view text);
};
/// 1..64 of `[A-Za-z0-9_.-]`, first one a letter, digit or `_`: safe as DICOM LO, file name and
/// REDCap record id.
struct ParticipantRule {
    static void check(std::string_view text);
};
/// A project's rule for what an event may be called: as for project names.
struct EventRule {
    static void check(std::string_view text);
};
/// PS3.5 §6.2 AE: 1..16 printable ASCII characters, no backslash, not all blank.
struct AeTitleRule {
    static void check(std::string_view text);
};
} // namespace detail

using StudyUid = Checked<detail::StudyRule>;
using SeriesUid = Checked<detail::SeriesRule>;
using SopInstanceUid = Checked<detail::SopInstanceRule>;
using ProjectName = Checked<detail::ProjectRule>;
using ParticipantId = Checked<detail::ParticipantRule>;
using EventName = Checked<detail::EventRule>;
using AeTitle = Checked<detail::AeTitleRule>;

} // namespace fiona

template <typename Rule>
struct fmt::formatter<fiona::Checked<Rule>> : fmt::formatter<std::string> {
    template <typename Context>
    auto format(const fiona::Checked<Rule>& checked, Context& context) const
    {
        return fmt::formatter<std::string>::format(checked.str(), context);
    }
};
