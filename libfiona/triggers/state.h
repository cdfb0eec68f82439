// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/triggers/link.h"
#include "libfiona/triggers/program.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fiona::triggers {

/// A mail that is written and has not been accepted yet.
struct WaitingMail {
    std::string key; ///< of the happening and the action
    std::string body;
    std::optional<std::string> attachment;
    enum class Phase {
        ready,     ///< no server has it
        sending,   ///< it is being handed over, or we died while it was
        uncertain, ///< set aside: a server may have it
        refused,   ///< set aside: refused again and again
    } phase = Phase::ready;
    unsigned refusals = 0;
};

/// Something happened, and the action that tells of it has not written its letter yet.
struct DueLetter {
    std::string key;    ///< of the happening and the action
    std::string event;  ///< Program::directory
    std::string action; ///< likewise
    Firing firing;
    unsigned failures = 0; ///< of the action
};

/// What is remembered of one link, `<state>/triggers/<link>.json`, mode 0600. Replaced as a whole before
/// and after every step:
///
/// in `due`   a mail in `mails`   the key in `sent`   meaning, and what the next run does
///    -               -                   -               did not happen yet: asks the events
///    +               -                   -               happened: asks the action for its letter; one that
///                                                        failed five times stays, --resend tries it again
///    -               ready               -               written, no server has it: sends it; refused five
///                                                        times: `refused`
///    -               sending             -               we died while a server got it: `uncertain`
///    -               uncertain           -               stays, and is told of; --resend makes it `ready`
///    -               refused             -               the same
///    -               -                   +               accepted: never again
///
/// The events' own states change in the same step in which their letters become due. A program that keeps
/// its state itself (the old protocol) may be killed with us between that and this step: then nobody knows.
struct LinkState {
    std::string fingerprint;                           ///< Link::fingerprint()
    std::map<std::string, json::Value> event_states{}; ///< by Program::directory
    std::vector<std::string> sent{};                   ///< keys, the last 500
    std::vector<DueLetter> due{};
    std::vector<WaitingMail> mails{};

    [[nodiscard]] bool knows(const std::string& key) const;
    void note_sent(const std::string& key);
};

class LinkStates {
public:
    explicit LinkStates(std::filesystem::path directory);

    /// Nothing for a new link, and for one that has become another. Throws Error{Fault::data} if it
    /// cannot be read: then it is not known what was sent.
    [[nodiscard]] std::optional<LinkState> load(const Link& link) const;
    /// Durable when it returns.
    void save(const Link& link, const LinkState& state) const;

private:
    [[nodiscard]] std::filesystem::path file_of(const Link& link) const;

    std::filesystem::path m_directory;
};

} // namespace fiona::triggers
