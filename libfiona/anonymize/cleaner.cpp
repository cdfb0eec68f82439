// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/cleaner.h"

#include "libfiona/anonymize/charset.h"
#include "libfiona/anonymize/unknown_words.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::anonymize {

namespace {

/// Back from folded bytes to the characters they were made of.
Range source_range(const Folded& text, const Range& range)
{
    const auto begin = text.origin[range.begin];
    const auto last = text.origin[range.end - 1];
    return {begin, last + code_point_at(text.source, last).bytes};
}

struct Rules {
    const Identity& identity;
    CleaningDepth depth;
    const AllowedWords* allowed;
};

std::vector<Range> ranges_to_cut(std::string_view utf8, const Rules& rules)
{
    const auto& [identity, depth, allowed] = rules;
    const auto folded = fold(utf8);
    std::vector<Range> cuts;
    for (const auto& hit : identity.find(folded)) {
        if (depth != CleaningDepth::identity || !hit.is_trade_word) {
            cuts.push_back(source_range(folded, hit.range));
        }
    }
    for (const auto& range : identity.find_uids(folded.text)) {
        cuts.push_back(source_range(folded, range));
    }
    if (depth != CleaningDepth::identity) {
        for (const auto& range : find_patterns(folded)) {
            cuts.push_back(source_range(folded, range));
        }
    }
    if (depth == CleaningDepth::words && allowed != nullptr) {
        for (const auto& range : find_unknown_words(folded, *allowed)) {
            cuts.push_back(source_range(folded, range));
        }
    }
    std::ranges::sort(cuts, {}, &Range::begin);
    return cuts;
}

/// Runs of blanks and the separators that now separate nothing.
std::string tidied(std::string_view text)
{
    constexpr std::string_view separators = " ^,;:-_/";
    std::string result;
    for (const char c : text) {
        if (c == ' ' && (result.empty() || result.back() == ' ')) {
            continue;
        }
        result += c;
    }
    const auto first = result.find_first_not_of(separators);
    if (first == std::string::npos) {
        return {};
    }
    return result.substr(first, result.find_last_not_of(separators) - first + 1);
}

std::size_t count_letters(std::string_view utf8)
{
    std::size_t count = 0;
    for (std::size_t at = 0; at < utf8.size();) {
        const auto [c, bytes] = code_point_at(utf8, at);
        const bool latin = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        count += latin || c >= 0xc0 ? 1U : 0U;
        at += bytes;
    }
    return count;
}

std::optional<std::string> cleaned_value(std::string_view utf8, const Rules& rules)
{
    const auto cuts = ranges_to_cut(utf8, rules);
    if (cuts.empty()) {
        return std::nullopt;
    }
    std::string rest;
    std::size_t at = 0;
    for (const auto& cut : cuts) {
        if (cut.begin > at) {
            rest += utf8.substr(at, cut.begin - at);
            rest += ' ';
        }
        at = std::max(at, cut.end);
    }
    rest += utf8.substr(at);
    rest = tidied(rest);
    return count_letters(rest) < 2 ? std::string{} : rest;
}

/// What is left may read as another identifier ("An|x|na" without its x): cut until nothing is.
std::optional<std::string> cleaned_until_stable(std::string_view utf8, const Rules& rules)
{
    auto result = cleaned_value(utf8, rules);
    for (int round = 0; result && !result->empty() && round < 8; ++round) {
        auto again = cleaned_value(*result, rules);
        if (!again) {
            return result;
        }
        result = std::move(again);
    }
    return result;
}

/// An identifier that only the border between two values hides: "Sto|knes", "8812|3457".
bool is_cut_by_border(std::string_view values, const Identity& identity)
{
    std::string joined;
    std::vector<std::size_t> borders; // places in `joined`
    for (const char c : values) {
        if (c == '\\') {
            borders.push_back(joined.size());
        } else {
            joined += c;
        }
    }
    const auto folded = fold(joined);
    const auto hits = identity.find(folded);
    return std::ranges::any_of(hits, [&](const IdentityHit& hit) {
        const auto range = source_range(folded, hit.range);
        return hit.is_certain && !hit.touches_digits
               && std::ranges::any_of(borders, [&](std::size_t border) {
                      return border > range.begin && border < range.end;
                  });
    });
}

} // namespace

std::optional<std::string> cleaned(std::string_view utf8, const Identity& identity,
                                   CleaningDepth depth, Multiplicity multiplicity,
                                   const AllowedWords* allowed)
{
    const Rules rules{identity, depth, allowed};
    if (multiplicity == Multiplicity::single || utf8.find('\\') == std::string_view::npos) {
        return cleaned_until_stable(utf8, rules);
    }
    std::string all;
    bool changed = false;
    bool empty = true;
    bool first = true;
    for (const auto part : split(utf8, '\\')) {
        const auto piece = cleaned_until_stable(part, rules);
        changed = changed || piece.has_value();
        const std::string_view kept = piece ? std::string_view{*piece} : part;
        empty = empty && trimmed(kept).empty();
        all += first ? "" : "\\";
        all += kept;
        first = false;
    }
    // A value cut across components is caught here: the whole must be clean as well.
    if (!ranges_to_cut(all, {identity, CleaningDepth::identity, nullptr}).empty()
        || is_cut_by_border(all, identity)) {
        return std::string{};
    }
    if (!changed) {
        return std::nullopt;
    }
    return empty ? std::string{} : all;
}

} // namespace fiona::anonymize
