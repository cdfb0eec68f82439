// SPDX-License-Identifier: MIT
#include "libfiona/routing/request_again.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/study_lock.h"
#include "libfiona/redcap/transfer_rows.h"
#include "libfiona/routing/transfer_requests.h"
#include "libfiona/store/request_files.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace fiona::routing {

namespace {

using redcap::Transfer;
using Requested = redcap::Incoming::Requested;
using std::chrono::minutes;

/// The first whole minute after `when`, or that of `now` if it is later.
std::string minute_after(TimePoint when, TimePoint now)
{
    const auto next = std::chrono::floor<minutes>(when) + minutes{1};
    return local_minute(std::max<TimePoint>(next, std::chrono::floor<minutes>(now)));
}

/// One whose request was given up. Incoming::request_all_again() knows nothing of that: it takes one
/// without a transfer_date for one that waits.
Requested revive(redcap::Client& client, const Paths& paths, const Transfer& wanted, TimePoint now,
                 Mode mode)
{
    const auto locks = paths.state() / "locks";
    std::optional<redcap::StudyLocks> lock;
    if (mode == Mode::apply) {
        lock.emplace(locks, std::vector{wanted.study});
    }
    const auto present = redcap::Incoming{client, locks}.transfers({wanted.study});
    const auto stored = std::ranges::find_if(present, [&](const Transfer& transfer) {
        return transfer.instance == wanted.instance && redcap::same_key(transfer, wanted);
    });
    if (stored == present.end()) {
        return {wanted, Requested::Result::conflict,
                fmt::format("study {}: transfer {} has been changed in REDCap", wanted.study,
                            wanted.instance)};
    }
    const store::Requests requests{paths};
    const auto when = given_up_at(requests, *stored, now);
    if (!when) {
        return {*stored, Requested::Result::present};
    }
    auto again = *stored;
    again.requested = minute_after(*when, now);
    if (mode == Mode::apply) {
        requests.correct_failed_at(request_of(*stored).file_name(), now);
        auto row = redcap::transfer_row(again.study, again.instance);
        row.values = {{std::string{redcap::requested_field}, again.requested}};
        try {
            client.import_once({row}, redcap::Overwrite::normal);
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            return {std::move(again), Requested::Result::refused, e.what()};
        }
    }
    return {std::move(again), Requested::Result::created};
}

} // namespace

std::optional<TimePoint> given_up_at(const store::Requests& requests, const Transfer& transfer,
                                     TimePoint now)
{
    const bool is_sent =
        !transfer.transferred.empty() && !transfer.deidentify_error && !transfer.send_error;
    if (is_sent || transfer.project.empty() || transfer.participant.empty()) {
        return std::nullopt;
    }
    std::string name;
    try {
        name = request_of(transfer).file_name();
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        return std::nullopt; // it could not have been requested
    }
    auto when = requests.failed_at(name);
    if (!when || requests.is_pending(name)) {
        return std::nullopt;
    }
    when = std::min(*when, now);
    const auto requested = parse_local_minute(trimmed(transfer.requested));
    const bool is_asked = requested > when && *requested <= now + minutes{1};
    return is_asked ? std::nullopt : when;
}

std::string date_of_new_request(const store::Requests& requests, const Transfer& transfer,
                                TimePoint now, Mode mode)
{
    // `<study>_<instance>_<project and participant>.json`, and REDCap chooses the instance later.
    auto first = transfer;
    first.instance = 1;
    const auto name = request_of(first).file_name();
    const auto beginning = transfer.study.str() + "_";
    const auto end = store::files::failed_name(name.substr(name.rfind('_')));
    auto asked = local_minute(now);
    for (const auto& failed : visible_names(requests.paths().failed())) {
        if (!failed.starts_with(beginning) || !failed.ends_with(end)) {
            continue;
        }
        const auto given_up =
            failed.substr(0, failed.size() - store::files::failed_name("").size());
        if (mode == Mode::apply) {
            requests.correct_failed_at(given_up, now);
        }
        if (const auto when = requests.failed_at(given_up)) {
            asked = std::max(asked, minute_after(std::min(*when, now), now));
        }
    }
    return asked;
}

std::vector<Requested> request_again(redcap::Client& incoming, const Paths& paths,
                                     const std::vector<Transfer>& transfers, TimePoint now,
                                     Mode mode)
{
    const store::Requests requests{paths};
    std::vector<Transfer> usual;
    std::vector<Transfer> given_up;
    for (const auto& transfer : transfers) {
        (given_up_at(requests, transfer, now) ? given_up : usual).push_back(transfer);
    }
    auto all =
        redcap::Incoming{incoming, paths.state() / "locks"}.request_all_again(usual, now, mode);
    for (const auto& transfer : given_up) {
        all.push_back(revive(incoming, paths, transfer, now, mode));
    }
    return all;
}

} // namespace fiona::routing
