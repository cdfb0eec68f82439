// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace fiona::routing {

/// `KEY~REGEX` of `fiona-assign studies --filter`: a key of the JSON output, and an RE2 expression
/// that must match somewhere in its value.
class StudyFilter {
public:
    /// Throws Error{Fault::usage} if there is no `~`, the key is not one of keys(), or the expression
    /// is no RE2.
    explicit StudyFilter(std::string_view text);

    [[nodiscard]] const std::string& key() const { return m_key; }
    [[nodiscard]] bool matches(std::string_view value) const;

    /// study, description, modalities, ...: what may be asked for.
    [[nodiscard]] static std::string keys();

private:
    std::string m_key;
    std::shared_ptr<const re2::RE2> m_expression; // shared: filters are copied, RE2 is immutable
};

/// "90s", "15m", "12h", "7d", "2w". Throws Error{Fault::usage}.
[[nodiscard]] std::chrono::seconds parse_duration(std::string_view text);

} // namespace fiona::routing
