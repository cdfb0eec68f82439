// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"
#include "libfiona/export/export_list.h"
#include "libfiona/export/settings.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fiona::exports {

/// What became of one job.
struct ExportResult {
    enum class State {
        made,      ///< the package is there, and mailed if asked for
        was_there, ///< it had been made before
        postponed, ///< a later run tries again
        given_up,  ///< in the failed list
        would_make ///< dry run
    } state = State::made;
    std::string id;
    std::string project;
    std::string type;
    std::string study; ///< UID
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0; ///< of the package
    std::string reason{};
};
[[nodiscard]] std::string_view name_of(ExportResult::State state);

struct RunReport {
    std::vector<ExportResult> jobs;
    std::optional<Error> problem; ///< the one that a person must see first
};

/// Tells a person that the package is there. Throws when it is certain that no mail went.
using SendMail = std::function<void(const ExportJob& job, const std::filesystem::path& package)>;

struct RunOptions {
    std::optional<std::size_t> max{}; ///< jobs
    std::optional<std::string> id{};  ///< only this one, now
    bool keeps_work = false;          ///< the work folder stays, for a look at it
    Mode mode = Mode::apply;
};

/// Works through the list until no job is due. What is wrong with one job is noted in its line and
/// stops no other: a failed attempt waits 3, 6, 12 ... minutes, and the job is given up after a number
/// of them; a PACS or a mail server that is not there is waited for without counting.
[[nodiscard]] RunReport run_exports(const Config& config, const ExportSettings& settings,
                                    const SendMail& send_mail, const RunOptions& options);

/// Files a job. Throws Error: Fault::config for a type that does not exist, Fault::data for a mail domain
/// that is not allowed.
[[nodiscard]] ExportList::Added request_export(const ExportSettings& settings, const ExportJob& job,
                                               Mode mode);

/// Whether packages may be mailed to that address (EXPORT.mail_domains).
[[nodiscard]] bool may_be_mailed_to(const ExportSettings& settings, std::string_view address);

} // namespace fiona::exports
