// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/inventory/distinct.h"
#include "libfiona/inventory/enumeration.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::inventory {

/// A range of StudyDate; neither day: every study, one: open at the other end.
struct Days {
    std::optional<std::chrono::sys_days> first{}, last{};

    [[nodiscard]] bool is_all() const { return !first && !last; }
    [[nodiscard]] bool is_open() const { return first.has_value() != last.has_value(); }
    [[nodiscard]] bool is_one_day() const { return first && first == last; }
    /// As a query says it (PS3.4 §C.2.2.2.5).
    [[nodiscard]] std::string text() const;
    /// As a person reads it.
    [[nodiscard]] std::string name() const { return is_all() ? "all dates" : text(); }
};

/// What one query told.
struct Told {
    std::size_t answers = 0;
    std::size_t dated = 0;
    std::size_t foreign = 0; ///< outside of what was asked
    std::size_t exact = 0;   ///< begin with what was asked for in upper and lower case too
    bool is_whole = false;
    bool is_cut = false;     ///< FE00
    bool is_refused = false; ///< A7xx, Cxxx

    /// Whether there is something to be found in smaller parts.
    [[nodiscard]] bool has_any() const { return answers > 0 || is_refused; }
};

/// Asks for studies and hands on each once; knows whether an answer was all there is. For one
/// enumeration, single-threaded.
class Questions {
public:
    using OnStudy = std::function<void(const pacs::Keys&)>;
    /// All are borrowed.
    Questions(pacs::QuerySession& session, const Scope& scope, const Patience& patience,
              const OnStudy& on_study);

    enum class Match { prefix, exactly };
    enum class Detail {
        everything, ///< what is asked for is what is handed on
        identity    ///< asks for little, and for the rest only of studies not handed on yet
    };
    struct Question {
        Days days{};
        std::string patient{}; ///< PatientID; empty: any
        Match match = Match::prefix;
        Detail detail = Detail::everything;
    };
    /// Throws as enumerate_studies().
    Told ask(const Question& question);

    /// Whether the PACS finds a PatientID written in the other case. False too as long as no
    /// PatientID with a letter has been seen. Asks once.
    [[nodiscard]] bool ignores_case();

    /// To one query so far.
    [[nodiscard]] std::size_t most_answers() const { return m_most_answers; }
    /// Notes, once for each text, what could not be asked.
    void gap(const Days& days, std::string_view why);
    /// A gap if there was something in the whole and nothing in its parts: the PACS cannot be asked that way.
    void compare(const Days& days, bool has_any, std::size_t parts, std::string_view how);

    [[nodiscard]] Coverage coverage() const;

private:
    [[nodiscard]] pacs::Keys keys_of(const Question& question) const;
    void take(const Question& question, const pacs::Keys& study, Told& told);
    void judge(const pacs::FindResult& result, const Told& told);
    [[nodiscard]] bool is_suspicious(std::size_t answers) const;
    void fetch_rest();
    void fetch(const std::vector<std::string>& studies);

    pacs::QuerySession& m_session;
    const Scope& m_scope;
    Patience m_patience;
    const OnStudy& m_on_study;
    Distinct m_seen;
    std::vector<std::string> m_unfetched; ///< seen by their identity alone
    Coverage m_coverage;
    std::size_t m_queries_before;
    std::size_t m_refusals = 0; ///< since the last answer
    std::size_t m_most_answers = 0;
    std::string m_patient; ///< one seen, with a letter
    std::optional<bool> m_ignores_case;
};

} // namespace fiona::inventory
