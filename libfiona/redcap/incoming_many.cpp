// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/instances.h"
#include "libfiona/redcap/study_lock.h"
#include "libfiona/redcap/transfer_rows.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>

namespace fiona::redcap {

namespace {

constexpr std::size_t studies_per_block = 200; // so many ids go into one export

using Requested = Incoming::Requested;
using Result = Requested::Result;
using ByStudy = std::map<StudyUid, std::vector<Transfer>>;

std::vector<StudyUid> studies_of(std::span<const Transfer> transfers)
{
    std::set<StudyUid> studies;
    for (const auto& transfer : transfers) {
        studies.insert(transfer.study);
    }
    return {studies.begin(), studies.end()};
}

/// Blocks of at most studies_per_block studies; all transfers of a study that follow each other are
/// in one.
std::vector<std::span<const Transfer>> blocks(std::span<const Transfer> transfers)
{
    std::vector<std::span<const Transfer>> result;
    std::set<StudyUid> studies;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < transfers.size(); ++i) {
        if (!studies.contains(transfers[i].study) && studies.size() == studies_per_block) {
            result.push_back(transfers.subspan(begin, i - begin));
            studies.clear();
            begin = i;
        }
        studies.insert(transfers[i].study);
    }
    if (begin < transfers.size()) {
        result.push_back(transfers.subspan(begin));
    }
    return result;
}

ByStudy read(Incoming& incoming, const std::vector<StudyUid>& studies)
{
    ByStudy present;
    for (auto& transfer : incoming.transfers(studies)) {
        present[transfer.study].push_back(std::move(transfer));
    }
    return present;
}

/// One import for all; what REDCap refuses is halved until the bad row is alone.
void import_halving(Client& client, std::span<Requested* const> due,
                    const std::function<Row(const Requested&)>& row_of)
{
    std::vector<Row> rows;
    rows.reserve(due.size());
    for (const auto* const item : due) {
        rows.push_back(row_of(*item));
    }
    try {
        client.import_once(rows, Overwrite::normal);
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        if (due.size() == 1) {
            due.front()->result = Result::refused;
            due.front()->reason = e.what();
            return;
        }
        import_halving(client, due.first(due.size() / 2), row_of);
        import_halving(client, due.subspan(due.size() / 2), row_of);
    }
}

/// What ensure_transfers() would do, by what is there: nothing is written.
std::vector<Requested> foreseen(ByStudy present, std::span<const Transfer> wanted, TimePoint now)
{
    std::vector<Requested> all;
    for (const auto& transfer : wanted) {
        auto& item = all.emplace_back(Requested{transfer, Result::created});
        auto& others = present[transfer.study];
        const auto same = std::ranges::find_if(
            others, [&](const Transfer& other) { return same_key(other, transfer); });
        if (same != others.end()) {
            item = {*same, Result::present};
        } else if (const auto* const clash = find_conflict(others, transfer)) {
            item = {transfer, Result::conflict, conflict_error(*clash, transfer).what()};
        } else {
            if (item.transfer.requested.empty()) {
                item.transfer.requested = local_minute(now);
            }
            item.transfer.instance = 1;
            for (const auto& other : others) {
                item.transfer.instance = std::max(item.transfer.instance, other.instance + 1);
            }
            others.push_back(item.transfer); // the next of this study takes the next number
        }
    }
    return all;
}

} // namespace

std::vector<Requested> Incoming::ensure_transfers(const std::vector<Transfer>& wanted,
                                                  TimePoint now, Mode mode)
{
    std::vector<Requested> all;
    for (const auto block : blocks(wanted)) {
        std::ranges::move(mode == Mode::apply
                              ? ensure_some(block, now, Second::refuse, Refusals::remember)
                              : foreseen(read(*this, studies_of(block)), block, now),
                          std::back_inserter(all));
    }
    return all;
}

std::vector<Requested> Incoming::request_all_again(const std::vector<Transfer>& transfers,
                                                   TimePoint now, Mode mode)
{
    std::vector<Requested> all;
    for (const auto block : blocks(transfers)) {
        std::optional<StudyLocks> locks;
        if (mode == Mode::apply) {
            locks.emplace(m_locks, studies_of(block));
        }
        auto present = read(*this, studies_of(block));
        std::vector<Requested> items;
        for (const auto& transfer : block) {
            auto& item = items.emplace_back(Requested{transfer, Result::present});
            const auto* const stored = find_instance(present[transfer.study], transfer.instance);
            if (stored == nullptr || !same_key(*stored, transfer)) {
                item.result = Result::conflict;
                item.reason = fmt::format("study {}: transfer {} has been changed in REDCap",
                                          transfer.study, transfer.instance);
                continue;
            }
            item.transfer = *stored;
            if (auto requested = date_to_request_again(*stored, now); !requested.empty()) {
                item.transfer.requested = std::move(requested);
                item.result = Result::created;
            }
        }
        std::vector<Requested*> due;
        for (auto& item : items) {
            if (item.result == Result::created) {
                due.push_back(&item);
            }
        }
        if (mode == Mode::apply && !due.empty()) {
            import_halving(m_client, due, [](const Requested& item) {
                auto row = transfer_row(item.transfer.study, item.transfer.instance);
                row.values = {{std::string{requested_field}, item.transfer.requested}};
                return row;
            });
        }
        std::ranges::move(items, std::back_inserter(all));
    }
    return all;
}

} // namespace fiona::redcap
