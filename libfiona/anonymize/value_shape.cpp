// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/value_shape.h"

#include "libfiona/anonymize/charset.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fiona::anonymize {

namespace {

constexpr std::string_view digits = "0123456789";

bool consists_of(std::string_view text, std::string_view allowed)
{
    return text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_age(std::string_view text)
{
    return text.empty()
           || (text.size() <= 4 && consists_of(text.substr(0, text.size() - 1), digits)
               && std::string_view{"DWMY"}.find(text.back()) != std::string_view::npos);
}

bool is_value(Vr vr, std::string_view text)
{
    if (vr == Vr{"IS"} || vr == Vr{"DS"}) {
        return consists_of(text, "0123456789+-.eE ");
    }
    if (vr == Vr{"TM"}) {
        return consists_of(text, "0123456789:.-");
    }
    if (vr == Vr{"AS"}) {
        return is_age(text);
    }
    if (vr == Vr{"UI"}) {
        return text.empty() || consists_of(text, "0123456789.");
    }
    return vr != Vr{"CS"} || (is_ascii(text) && text.size() <= 64);
}

struct Limit {
    Vr vr;
    std::size_t characters = 0;
};

constexpr std::array<Limit, 15> limits{{{"AE", 16},
                                        {"AS", 4},
                                        {"CS", 16},
                                        {"DA", 8},
                                        {"DS", 16},
                                        {"DT", 26},
                                        {"IS", 12},
                                        {"LO", 64},
                                        {"LT", 10240},
                                        {"PN", 64},
                                        {"SH", 16},
                                        {"ST", 1024},
                                        {"TM", 16},
                                        {"UI", 64},
                                        {"UR", 1024}}};

std::string cut(std::string_view utf8, std::size_t characters)
{
    std::size_t at = 0;
    while (at < utf8.size() && characters > 0) {
        at += code_point_at(utf8, at).bytes;
        --characters;
    }
    return std::string{utf8.substr(0, at)};
}

} // namespace

bool has_legal_shape(Vr vr, std::string_view stored)
{
    const auto parts = split(trimmed(stored), '\\');
    return std::ranges::all_of(parts,
                               [&](std::string_view part) { return is_value(vr, trimmed(part)); });
}

std::string within_limit(Vr vr, std::string_view utf8)
{
    const auto* const limit = std::ranges::find(limits, vr, &Limit::vr);
    if (limit == limits.end()) {
        return std::string{utf8};
    }
    if (is_single_valued(vr)) {
        return cut(utf8, limit->characters);
    }
    std::string result;
    bool first = true;
    for (const auto part : split(utf8, '\\')) {
        result += first ? "" : "\\";
        result += cut(part, limit->characters);
        first = false;
    }
    return result;
}

std::string capped_age(std::string_view age)
{
    constexpr int oldest = 89;
    if (age.size() < 2 || age.back() != 'Y') {
        return std::string{age};
    }
    int years = 0;
    for (const char c : age.substr(0, age.size() - 1)) {
        years = years * 10 + (c - '0');
    }
    return years > oldest ? fmt::format("{:03}Y", oldest) : std::string{age};
}

bool is_charset_term(std::string_view value)
{
    constexpr std::array<std::string_view, 2> prefixes{"ISO_IR ", "ISO 2022 IR "};
    const auto parts = split(value, '\\');
    return std::ranges::all_of(parts, [&](std::string_view part) {
        const auto term = trimmed(part);
        return term.empty() || term == "GB18030" || term == "GBK"
               || std::ranges::any_of(prefixes, [&](std::string_view prefix) {
                      return term.starts_with(prefix) && term.size() <= prefix.size() + 3
                             && consists_of(term.substr(prefix.size()), digits);
                  });
    });
}

} // namespace fiona::anonymize
