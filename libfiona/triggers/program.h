// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/triggers/link.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// The site's own event and action programs: children by argument vector with a time limit. What a link
/// holds is data to them; no shell sees it.
namespace fiona::triggers {

/// `<directory>/info.json`: `{"name":..,"script":..,"api":2,"projects":false}`.
struct Program {
    std::string name;             ///< matched exactly
    std::string directory;        ///< the last part of its path: an identity that stays
    std::filesystem::path script; ///< below that directory
    unsigned api = 1;
    bool takes_projects =
        true; ///< the link's parameters are projects, and the user must belong to them
};

struct Programs {
    std::vector<Program> programs; ///< by directory name
    std::vector<std::string> complaints;
};
[[nodiscard]] Programs find_programs(const std::filesystem::path& directory);

/// Something happened.
struct Firing {
    std::string key;     ///< equal keys are the same happening: one mail
    json::Array items{}; ///< for the action; study_list wants `participant`, `event`, ..
    std::string since{}; ///< for people
};
struct Answer {
    std::optional<Firing> firing;
    json::Value state; ///< to be kept for the next time
};

struct Surroundings {
    std::filesystem::path work; ///< a directory for the call, empty
    std::filesystem::path log;  ///< what programs print is appended here
    std::chrono::milliseconds time_limit;
};

/// Old protocol: one argument, the link as JSON; exit 1 with nothing on standard error is a firing, whose key
/// is `now`; it keeps its own state. Version 2: the link on standard input, the path of the
/// state it gave last in ASTTT_STATE; the answer `{"fire":true,"key":..,"items":[..],"state":..}` on standard
/// output. Throws Error{Fault::data} for everything else a program may do, and when its time is over.
[[nodiscard]] Answer ask(const Program& event, const Link& link, const json::Value& state,
                         const Surroundings& surroundings, std::string_view now);

struct Letter {
    std::string body;
    std::optional<std::string> attachment; ///< CSV
};
/// Arguments: the link as JSON, and the work directory, where it leaves `email.txt` and perhaps
/// `attachment.csv`. Version 2 has the link on standard input, with the firing's `items` in it. Nothing if
/// it left no letter. Throws Error{Fault::data} if it fails.
[[nodiscard]] std::optional<Letter> compose(const Program& action, const Link& link,
                                            const Firing& firing, const Surroundings& surroundings);

} // namespace fiona::triggers
