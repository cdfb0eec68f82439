// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::routing {

/// One change made by a person's hand.
struct AuditEntry {
    std::string_view command; ///< assign, resend, cancel, add-participant, coupling-import
    std::optional<StudyUid> study;
    ProjectName project;
    ParticipantId participant;
};

/// `<processing>/logs/assign-audit.log`, mode 0640, one line per change, only ever appended to:
/// `2026-03-01T04:05:06.789012Z user=anna command=assign study=#0123456789ab project=DEMO
/// participant=0123456789abcdef` (tag of the study, first 16 hex digits of SHA-256 of the participant).
/// The line is on the disk before the change is asked for: a change without a line cannot be; a line
/// without its change means that the tool died or REDCap refused.
class AuditLog {
public:
    explicit AuditLog(std::filesystem::path file) : m_file{std::move(file)} {}

    /// Throws os_error(): what cannot be recorded must not be done.
    void append(const AuditEntry& entry, TimePoint now) const { append(std::vector{entry}, now); }
    /// A line for each, in one write.
    void append(const std::vector<AuditEntry>& entries, TimePoint now) const;

private:
    std::filesystem::path m_file;
};

} // namespace fiona::routing
