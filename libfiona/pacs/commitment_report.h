// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

struct T_ASC_Association;
struct T_DIMSE_N_EventReportRQ;

/// Storage commitment as user: what a provider reports to us (PS3.4 §J.3.3).
namespace fiona::pacs {

struct CommitmentReport {
    std::string transaction;                     ///< legal UID
    std::set<std::string> committed;             ///< SOP instance UIDs
    std::map<std::string, std::uint16_t> failed; ///< and FailureReason (0008,1197)
};

/// What a FailureReason says, for people.
[[nodiscard]] std::string failure_words(std::uint16_t reason);

/// Receives the data set of an N-EVENT-REPORT into a file of `scratch`, where the pre-scan sees it before
/// DCMTK does. Throws Error: Fault::unreachable if the association is lost, Fault::data if it is no
/// report of storage commitment. `patience`: seconds for each PDU.
[[nodiscard]] CommitmentReport receive_report(T_ASC_Association* association,
                                              const T_DIMSE_N_EventReportRQ& request,
                                              std::uint8_t context,
                                              const std::filesystem::path& scratch, int patience);

enum class Confirmation { accepted, unknown_transaction, unreadable };
/// Answers it. False if the association is lost.
[[nodiscard]] bool confirm_report(T_ASC_Association* association,
                                  const T_DIMSE_N_EventReportRQ& request, std::uint8_t context,
                                  Confirmation confirmation);

/// Reports that come to our receiver on an association of their own:
/// `<site>/.commitment/{asked,reports}`, T is the transaction.
///
/// asked/T  reports/T
///    -         -        never asked, or settled: a report of T is refused
///    +         -        asked, nothing heard
///    +         +        heard; whoever asked reads it next
///    -         +        settled, and killed before the report was removed; goes with sweep()
class CommitmentInbox {
public:
    explicit CommitmentInbox(std::filesystem::path directory);

    /// Durable when it returns.
    void expect(const std::string& transaction) const;
    /// Durable when it returns true; false if nobody waits for it.
    [[nodiscard]] bool keep(const CommitmentReport& report) const;
    [[nodiscard]] std::optional<CommitmentReport> find(const std::string& transaction) const;
    void forget(const std::string& transaction) const;
    /// What is older than a week: whoever asked has long given up.
    void sweep(TimePoint now) const;

private:
    [[nodiscard]] std::filesystem::path asked(const std::string& transaction) const;
    [[nodiscard]] std::filesystem::path reported(const std::string& transaction) const;

    std::filesystem::path m_directory;
};

} // namespace fiona::pacs
