// SPDX-License-Identifier: MIT
#include "libfiona/redcap/instances.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/batch.h"
#include "libfiona/redcap/retry.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace fiona::redcap {

namespace {

constexpr unsigned max_rounds = 5;

/// What a fresh export says, and what we are about to add to it.
struct Present {
    std::vector<Row> stored;
    std::vector<Row> planned;
};
using PresentRecords = std::map<std::string, Present, std::less<>>;

bool is_of(const Row& row, const Instance& instance)
{
    return row.record == instance.record && row.instrument == instance.instrument
           && row.event == instance.event && row.instance != 0;
}

bool has_key(const Row& row, const Instance& instance)
{
    return is_of(row, instance) && std::ranges::all_of(instance.key, [&](const auto& item) {
               return row.value(item.first) == item.second;
           });
}

/// An instance whose other key fields are blank was cancelled: it is in nobody's way.
bool is_in_the_way(const Row& row, const Instance& instance)
{
    if (instance.exclusive.empty() || !is_of(row, instance) || has_key(row, instance)
        || row.value(instance.exclusive) != instance.key.at(instance.exclusive)) {
        return false;
    }
    return std::ranges::any_of(instance.key, [&](const auto& item) {
        return item.first != instance.exclusive && !row.value(item.first).empty();
    });
}

const Row* find_key(const std::vector<Row>& rows, const Instance& instance)
{
    const auto found =
        std::ranges::find_if(rows, [&](const Row& row) { return has_key(row, instance); });
    return found == rows.end() ? nullptr : &*found;
}

const Row* find_obstacle(const Present& present, const Instance& instance)
{
    for (const auto* const rows : {&present.stored, &present.planned}) {
        const auto found = std::ranges::find_if(
            *rows, [&](const Row& row) { return is_in_the_way(row, instance); });
        if (found != rows->end()) {
            return &*found;
        }
    }
    return nullptr;
}

Row new_row(const Present& present, const Instance& instance)
{
    Row row{.record = instance.record,
            .event = instance.event,
            .instrument = instance.instrument,
            .instance = 1,
            .values = instance.values};
    row.values.insert(instance.key.begin(), instance.key.end());
    std::erase_if(row.values, [](const auto& item) { return item.second.empty(); });
    for (const auto* const rows : {&present.stored, &present.planned}) {
        for (const auto& other : *rows) {
            if (is_of(other, instance)) {
                row.instance = std::max(row.instance, other.instance + 1);
            }
        }
    }
    return row;
}

class Writer {
public:
    Writer(Client& client, const std::vector<Instance>& wanted, Outbox* outbox, TimePoint now,
           Refusals refusals)
        : m_client{client}, m_wanted{wanted}, m_outbox{outbox}, m_now{now},
          m_remembers{outbox != nullptr && refusals == Refusals::remember}, m_results(wanted.size())
    {
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            m_open.insert(i);
        }
    }

    std::vector<EnsuredInstance> write()
    {
        std::optional<Error> last_problem;
        for (unsigned round = 0; !m_open.empty(); ++round) {
            const auto rows = compare(read(), round > 0);
            settle();
            if (m_open.empty()) {
                break;
            }
            if (round == max_rounds) {
                throw last_problem.value_or(
                    Error{Fault::protocol, "REDCap does not keep the instances that it confirms"});
            }
            if (round == 0) {
                plan();
            }
            last_problem.reset();
            try {
                import(rows);
            } catch (const Error& e) {
                // Perhaps only the answer was lost: the next round looks before it writes.
                if (!may_have_happened(e)) {
                    throw;
                }
                log::debug("import_unconfirmed", {{"round", round}, {"reason", e.what()}});
                last_problem = e;
            }
        }
        settle();
        return std::move(m_results);
    }

private:
    PresentRecords read()
    {
        ExportSpec spec;
        spec.source = ExportSpec::Source::server;
        std::set<std::string> records;
        std::set<std::string> forms;
        for (const auto index : m_open) {
            records.insert(m_wanted[index].record);
            forms.insert(m_wanted[index].instrument);
        }
        spec.records.assign(records.begin(), records.end());
        // Whole forms: an instance whose other fields are blank still occupies its number.
        spec.forms.assign(forms.begin(), forms.end());
        PresentRecords present;
        for (auto& row : m_client.export_records(spec)) {
            if (records.contains(row.record)) { // a server may ignore `records`
                present[row.record].stored.push_back(std::move(row));
            }
        }
        return present;
    }

    /// Closes what is there or cannot be; returns the rows to import for the rest.
    std::vector<Row> compare(PresentRecords present, bool may_be_ours)
    {
        std::vector<Row> rows;
        for (const auto index : std::set{m_open}) {
            const auto& instance = m_wanted[index];
            auto& record = present[instance.record];
            if (const auto* const stored = find_key(record.stored, instance)) {
                close(index, *stored, may_be_ours);
            } else if (find_key(record.planned, instance) != nullptr) {
                continue; // wanted twice: the next round finds it
            } else if (const auto* const obstacle = find_obstacle(record, instance)) {
                refuse(index, "another instance is in its way", *obstacle);
            } else if (auto reason = remembered(instance)) {
                refuse(index, std::move(*reason), std::nullopt);
            } else {
                rows.push_back(new_row(record, instance));
                record.planned.push_back(rows.back());
            }
        }
        return rows;
    }

    void plan()
    {
        if (m_outbox != nullptr) {
            std::vector<Instance> instances;
            for (const auto index : m_open) {
                instances.push_back(m_wanted[index]);
            }
            m_outbox->plan(instances, m_now);
        }
    }

    void import(const std::vector<Row>& rows)
    {
        const auto refused = import_each(m_client, rows, Overwrite::normal);
        for (const auto& item : refused) {
            for (const auto index : std::set{m_open}) {
                if (m_wanted[index].record == item.record) {
                    if (m_remembers) {
                        m_outbox->quarantine(item.record, digest_of(m_wanted[index]), item.reason,
                                             m_now);
                    }
                    refuse(index, item.reason, std::nullopt);
                }
            }
        }
        settle();
    }

    [[nodiscard]] std::optional<std::string> remembered(const Instance& instance)
    {
        return m_remembers ? m_outbox->quarantined(instance.record, digest_of(instance), m_now)
                           : std::nullopt;
    }

    void settle()
    {
        if (m_outbox != nullptr && !(m_done.empty() && m_dropped.empty())) {
            m_outbox->settle(m_done, m_dropped);
        }
        m_done.clear();
        m_dropped.clear();
    }

    void close(std::size_t index, const Row& row, bool may_be_ours)
    {
        m_results[index].row = row;
        m_results[index].created = may_be_ours;
        m_done.push_back(m_wanted[index]);
        m_open.erase(index);
    }

    void refuse(std::size_t index, std::string reason, std::optional<Row> obstacle)
    {
        m_results[index].refusal = std::move(reason);
        m_results[index].obstacle = std::move(obstacle);
        m_dropped.push_back(m_wanted[index]);
        m_open.erase(index);
    }

    Client& m_client;
    const std::vector<Instance>& m_wanted;
    Outbox* m_outbox;
    TimePoint m_now;
    bool m_remembers;
    std::vector<EnsuredInstance> m_results;
    std::set<std::size_t> m_open;
    std::vector<Instance> m_done, m_dropped; ///< not yet told to the journal
};

} // namespace

std::vector<EnsuredInstance> ensure_instances(Client& client, const std::vector<Instance>& wanted,
                                              Outbox* outbox, TimePoint now, Refusals refusals)
{
    return Writer{client, wanted, outbox, now, refusals}.write();
}

} // namespace fiona::redcap
