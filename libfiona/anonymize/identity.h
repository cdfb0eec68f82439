// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/automaton.h"
#include "libfiona/anonymize/fold.h"
#include "libfiona/anonymize/patterns.h"

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

/// What identifies the patient and the others of one study: collected from all its files before
/// any is written, then searched in everything that is to be kept and in everything that was
/// written. Never printed; findings name the kind only.
namespace fiona::anonymize {

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const
    {
        return std::hash<std::string_view>{}(text);
    }
};
using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

enum class IdentityKind { name, identifier, date, place, contact, given };
[[nodiscard]] std::string_view name_of(IdentityKind kind);

/// Values in clear, as they are met. One per thread, merged at the end.
class IdentityCollector {
public:
    void add(IdentityKind kind, std::string_view utf8);
    void add_date(std::chrono::year_month_day day);
    void add_uid(std::string_view uid);
    void merge(IdentityCollector&& other);

private:
    friend class Identity;

    std::set<std::pair<IdentityKind, std::string>> m_values;
    std::set<std::chrono::year_month_day> m_days;
    TextSet m_uids;
};

struct IdentityHit {
    Range range; ///< of the folded text
    IdentityKind kind = IdentityKind::name;
    bool is_certain = false; ///< long enough that the verification must not let it pass
    bool is_digits = false;
    bool is_trade_word =
        false; ///< a name that is also a word of the trade: cut from free text only
    bool touches_digits = false; ///< a long number inside a longer one: chance in measured values
};

/// Immutable; shared by the threads.
class Identity {
public:
    Identity() = default;
    /// `harmless`: texts we write ourselves (participant, project, event, constants): a word that
    /// occurs in them is not searched for.
    Identity(const IdentityCollector& collected, const std::vector<std::string>& harmless);

    [[nodiscard]] std::vector<IdentityHit> find(const Folded& text) const;
    /// Places of original UIDs inside runs of digits and dots.
    [[nodiscard]] std::vector<Range> find_uids(std::string_view bytes) const;
    [[nodiscard]] bool is_original_uid(std::string_view uid) const;
    [[nodiscard]] std::size_t size() const { return m_tokens.size(); }

private:
    struct Token {
        IdentityKind kind = IdentityKind::name;
        bool is_certain = false;
        bool is_digits = false;
        bool is_date = false;
        bool is_trade_word = false;
    };

    void add_words(IdentityKind kind, const std::string& utf8, std::size_t least_letters);
    void add_short_names(const std::string& utf8);
    void add_phrase(IdentityKind kind, const std::string& folded);
    void add_number(const std::string& folded);
    void add_day(std::chrono::year_month_day day);
    void add_worded_day(std::chrono::year_month_day day);
    void add_token(std::string folded, Token token);
    [[nodiscard]] static bool stands_alone(const Folded& text, const Range& range,
                                           const Token& token);

    std::vector<std::string> m_words;
    std::vector<Token> m_tokens; ///< of each word
    std::set<std::string> m_seen;
    Automaton m_automaton;
    TextSet m_uids;
};

} // namespace fiona::anonymize
