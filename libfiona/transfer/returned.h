// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/mode.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/redcap/client.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Series that a workstation made of de-identified studies and sent to us: they lie in raw/ below the new
/// StudyInstanceUID. Each is given back to the original study, by the receiver's own door.
namespace fiona::transfer {

/// PROCESSED of config.json.
struct ReturnSettings {
    struct Project {
        /// Its objects go to the research PACS as they are, and not home.
        bool forward_as_is = false;
        /// Run behind that with the objects as they came in `{directory}`; also `{project}`, `{event}`.
        std::vector<std::string> post_command;
    };
    std::map<std::string, Project> projects;
    /// AE titles whose objects stay where they are, beside those of the research PACS itself.
    std::vector<std::string> ignored_callers;
    std::chrono::seconds command_deadline{600};
};
/// Throws Error{Fault::config}.
[[nodiscard]] ReturnSettings read_return_settings(const Config& config);

struct ReturnMeans {
    const Config& config;
    pacs::Peer receiver;                                       ///< ours
    std::function<std::shared_ptr<redcap::Client>()> incoming; ///< called only if it is needed
};

struct ReturnedSeries {
    std::string study;  ///< the new UID
    std::string series; ///< likewise
    std::string project;
    enum class State { home, forwarded, arriving, refused, failed } state = State::failed;
    std::size_t objects = 0;
    std::string reason; ///< for people; empty if all is well
};
[[nodiscard]] std::string_view state_name(ReturnedSeries::State state);

struct ReturnReport {
    std::vector<ReturnedSeries> series; ///< those with something new
    std::size_t handled = 0;            ///< nothing new
    std::size_t ours = 0;               ///< what we sent ourselves, received again
    std::optional<Error> problem;       ///< the gravest; nothing if all went its way
};

/// One pass over raw/. A series is taken when nothing has arrived for Config::timing.settle. All its new
/// objects go, or none. With Mode::dry_run nothing is sent, run or noted.
[[nodiscard]] ReturnReport return_processed(const ReturnMeans& means, TimePoint now, Mode mode);

} // namespace fiona::transfer
