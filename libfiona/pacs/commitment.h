// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/unique_fd.h"

#include <chrono>
#include <compare>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// Storage commitment (PS3.4 annex J): a peer asks whether objects are safe here, so that it may
/// delete its own; we answer with a report.
namespace fiona::pacs {

struct ObjectReference {
    std::string sop_class; ///< any text: the requester's word
    std::string sop_instance;
    friend auto operator<=>(const ObjectReference&, const ObjectReference&) = default;
};

struct CommitmentRequest {
    std::string transaction; ///< legal UID
    std::string caller;      ///< AE title of the requester; any bytes
    std::string called;      ///< what it called us: our name when we report
    std::vector<ObjectReference> objects;
    TimePoint received;
    TimePoint due; ///< not reported on an association of our own before
    unsigned attempts = 0;
};

/// The reports we owe: `<site>/.commitment/{new,failed}`. X is made of requester and transaction, so
/// that a request that is asked again replaces itself.
///
/// new/X  failed/X
///   -       -      never accepted, or reported and the report confirmed
///   +       -      accepted: the report is owed, or was sent and not yet confirmed (once more does
///                  no harm). Whoever works on it holds a flock on it
///   -       +      given up: nobody took the report in time. A person moves it back to new/
///   +       +      given up, and asked for again
class CommitmentQueue {
public:
    /// Makes the directories if they are missing.
    explicit CommitmentQueue(std::filesystem::path directory);

    /// A request in the hands of one process; let go with the object, or when the process dies.
    class Claim {
    public:
        CommitmentRequest request;

    private:
        friend class CommitmentQueue;
        Claim(CommitmentRequest taken, std::string name, UniqueFd fd)
            : request{std::move(taken)}, m_name{std::move(name)}, m_fd{std::move(fd)}
        {
        }
        std::string m_name;
        UniqueFd m_fd;
    };

    /// Returns the claim when the request is on durable storage; nothing if another process took it.
    [[nodiscard]] std::optional<Claim> add(const CommitmentRequest& request) const;
    /// Names in new/, at most `limit`.
    [[nodiscard]] std::vector<std::string> waiting(std::size_t limit = SIZE_MAX) const;
    [[nodiscard]] std::size_t count_failed() const;
    /// Nothing if it is gone, or in other hands. Throws Error{Fault::data} if it is no request.
    [[nodiscard]] std::optional<Claim> claim(const std::string& name) const;
    /// Reported and confirmed. A request of the same name that came since stays.
    void settle(const Claim& claim) const;
    /// Writes due time and attempts of `claim.request`, and lets it go.
    void postpone(Claim claim) const;
    /// Moves it to failed/.
    void give_up(const Claim& claim) const;
    /// The same for a file that is no request.
    void set_aside(const std::string& name) const;

private:
    [[nodiscard]] std::filesystem::path path_of(const std::string& name) const;
    [[nodiscard]] bool is_current(const Claim& claim) const;

    std::filesystem::path m_directory;
};

/// When a report that failed for the `attempts`-th time is due again: `first`, doubled each time, at
/// most an hour.
[[nodiscard]] std::chrono::seconds back_off(std::chrono::seconds first, unsigned attempts);

} // namespace fiona::pacs
