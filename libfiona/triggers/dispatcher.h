// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/mode.h"
#include "libfiona/notify/mailer.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fiona::triggers {

struct Wishes {
    std::filesystem::path links;          ///< links.json
    std::filesystem::path events;         ///< directories of programs
    std::filesystem::path actions;        ///< likewise
    std::filesystem::path users;          ///< Users::load()
    std::filesystem::path state;          ///< LinkStates
    std::filesystem::path audit;          ///< of transfers
    std::filesystem::path work;           ///< temporary directories are made in it
    std::filesystem::path log;            ///< what programs print
    std::chrono::seconds time_limit{120}; ///< of one program
    std::optional<std::string> only;      ///< the id of the one link to look at
    enum class SetAside { leave, resend } set_aside = SetAside::leave;
    Mode mode = Mode::apply;
};
/// Where the site has all that, and what TRIGGERS (users_file, time_limit) says.
[[nodiscard]] Wishes wishes_of(const Config& config);

struct LinkReport {
    std::string id;
    std::string event;
    std::string
        outcome; ///< sent, nothing new, new link, waits, in doubt, not a member, no address, failed
    std::string detail;
    std::size_t sent = 0; ///< mails; in a dry run those that would be
};
struct Report {
    std::vector<LinkReport> links;
    std::size_t sent = 0;
    std::size_t waiting = 0;    ///< mails that no server has yet, or that are not written yet
    std::size_t set_aside = 0;  ///< mails that only --resend sends
    std::optional<Fault> worst; ///< of the first link that failed
    std::size_t failed = 0;     ///< links, and entries that are none
};

/// How a mail leaves; a test puts its own in place. Throws as notify::Mailer::send().
using Send = std::function<notify::Mailer::Delivery(const notify::Mail&)>;

/// Asks the events of every link and mails what they fire, each firing at most once. What fired is
/// remembered before its action is asked for a letter, so that an action that fails is asked again. A
/// link that fails does not stop the others. Not for two processes at once. Throws Error{Fault::config} for links without users,
/// Error{Fault::data} for a links file that is none.
[[nodiscard]] Report run_links(const Wishes& wishes, const Send& send, TimePoint now);

} // namespace fiona::triggers
