// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/base/private.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fiona::exports {

/// A package that somebody has asked for: one line of `prepared_downloads_list.jobs`. Everything in it
/// is what a person typed, so it is data and never a path or a command.
struct ExportJob {
    std::string id; ///< 16 hex digits made of what is asked for; equal ids are the same job
    std::string project;
    std::string participant; ///< `patientid`: the pseudonym
    StudyUid study;
    Private<std::string> accession; ///< "" if not given
    std::string event;
    std::string type; ///< `exportType`
    std::string destination;
    std::string user;
    std::string email;             ///< "" for nobody
    std::string sender;            ///< `sender_email`
    Private<std::string> password; ///< decoded; "" for a package that everybody can open
    std::string token;             ///< unguessable part of the package's name, if it is mailed
    unsigned attempts = 0;         ///< `downloadAttempts`: failed ones
    unsigned postponed = 0;        ///< times a peer was not there
    unsigned interrupted = 0;      ///< times its process died
    /// Where it is; see ExportList.
    enum class State { queued, running, mailing } state = State::queued;
    std::optional<TimePoint> not_before{};
    std::string last_error;

    [[nodiscard]] bool is_mailed() const { return !email.empty() && !password.reveal().empty(); }
};

/// Throws Error{Fault::data} that names the key at fault, never its value.
[[nodiscard]] ExportJob read_job(const json::Value& line);
/// A new line, as the Export page writes it, with the id and the time.
[[nodiscard]] json::Object as_line(const ExportJob& job, TimePoint requested);
/// The id of a line, whatever else is wrong with it.
[[nodiscard]] std::string id_of(const json::Value& line);
[[nodiscard]] std::string_view state_name(ExportJob::State state);

} // namespace fiona::exports
