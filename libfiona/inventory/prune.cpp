// SPDX-License-Identifier: MIT
#include "libfiona/inventory/prune.h"

#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/log.h"
#include "libfiona/inventory/prune_memory.h"

#include <algorithm>
#include <map>
#include <set>

namespace fiona::inventory {

namespace {

/// PS3.4 §C.2.2.2.2: a list of UIDs. A PACS that cannot do lists answers less, and then each study is
/// asked for alone.
constexpr std::size_t studies_at_once = 50;
constexpr std::size_t deleted_at_once = 200;

enum class Presence { present, missing, unknown };

class Pruning {
public:
    Pruning(redcap::Client& client, pacs::QuerySession& session, const Settings& settings,
            const PruneOrder& order)
        : m_client{client}, m_session{session},
          m_settings{settings}, m_order{order}, m_memory{order.memory}
    {
    }

    PruneReport go()
    {
        const auto studies = rows();
        std::vector<std::string> block;
        for (const auto& study : studies) {
            block.push_back(study);
            if (block.size() == studies_at_once) {
                ask(block);
                block.clear();
            }
        }
        ask(block);
        m_memory.keep_only(studies);
        m_report.queries = m_session.queries();
        if (m_order.mode == Mode::apply) {
            m_memory.save(); // before anything is deleted: what is noted now confirms the next run
        }
        check_limits();
        if (m_order.mode == Mode::apply) {
            erase();
        }
        return std::move(m_report);
    }

private:
    std::set<std::string> rows()
    {
        std::set<std::string> studies;
        redcap::ExportSpec spec;
        spec.fields = {m_client.record_id_field()};
        for (const auto& row : m_client.export_records(spec)) {
            ++m_report.rows;
            if (is_uid(row.record)) {
                studies.insert(row.record);
            } else {
                ++m_report.refused;
            }
        }
        return studies;
    }

    void ask(const std::vector<std::string>& studies)
    {
        if (studies.empty()) {
            return;
        }
        std::string list;
        std::map<std::string, bool> is_there;
        for (const auto& study : studies) {
            list += list.empty() ? study : "\\" + study;
            is_there.emplace(study, false);
        }
        m_session.find(pacs::Level::study, {{"StudyInstanceUID", list}},
                       [&](const pacs::Keys& answer) {
                           const auto found = is_there.find(answer.at("StudyInstanceUID"));
                           if (found != is_there.end()) {
                               found->second = true;
                           }
                           return pacs::Next::more;
                       });
        for (const auto& [study, is_present] : is_there) {
            judge(study, is_present ? Presence::present : ask_alone(study));
        }
    }

    Presence ask_alone(const std::string& study)
    {
        const auto result =
            m_session.find(pacs::Level::study, {{"StudyInstanceUID", study}},
                           [](const pacs::Keys& /*answer*/) { return pacs::Next::more; });
        if (result.answers > 0) {
            return Presence::present;
        }
        if (result.ending != pacs::Ending::complete) {
            log::warn("prune_unanswered",
                      {{"study", study}, {"status", pacs::describe(result.ending, result.status)}});
            return Presence::unknown;
        }
        return Presence::missing;
    }

    void judge(const std::string& study, Presence presence)
    {
        if (presence == Presence::unknown) {
            ++m_report.unknown; // neither here nor gone: what is remembered stays
            return;
        }
        if (presence == Presence::present) {
            ++m_report.present;
            m_memory.forget(study);
            return;
        }
        const auto since = m_memory.missing_since(study);
        if (since && m_order.now - *since >= m_settings.confirm_after) {
            m_report.deleted.push_back(study);
        } else {
            ++m_report.waiting;
            m_memory.note_missing(study, m_order.now);
        }
    }

    void check_limits() const
    {
        const auto count = m_report.deleted.size();
        const auto share = m_settings.max_delete_percent / 100 * static_cast<double>(m_report.rows);
        const auto limit = m_order.max_delete.value_or(std::min(
            m_settings.max_delete, std::max<std::size_t>(1, static_cast<std::size_t>(share))));
        if (count > limit) {
            throw Error{
                Fault::data,
                "{} of {} studies are gone from {}, more than the {} that may be deleted at "
                "once; nothing was deleted: look at the PACS, then allow it with "
                "--max-delete {}",
                count,
                m_report.rows,
                m_session.peer().called_aet,
                limit,
                count};
        }
    }

    void erase()
    {
        auto& all = m_report.deleted;
        std::vector<std::string> gone;
        for (std::size_t at = 0; at < all.size(); at += deleted_at_once) {
            const auto count = std::min(deleted_at_once, all.size() - at);
            redcap::ExportSpec spec;
            spec.fields = {m_client.record_id_field()};
            const auto first = all.begin() + static_cast<std::ptrdiff_t>(at);
            spec.records.assign(first, first + static_cast<std::ptrdiff_t>(count));
            std::vector<std::string> still_there; // a row that is gone refuses the whole block
            for (const auto& row : m_client.export_records(spec)) {
                still_there.push_back(row.record);
            }
            if (!still_there.empty()) {
                m_client.delete_records(still_there);
            }
            for (const auto& study : still_there) {
                log::info("inventory_row_deleted", {{"study", study}});
                m_memory.forget(study);
            }
            gone.insert(gone.end(), still_there.begin(), still_there.end());
        }
        all = std::move(gone);
        m_memory.save();
    }

    redcap::Client& m_client;
    pacs::QuerySession& m_session;
    const Settings& m_settings;
    const PruneOrder& m_order;
    PruneMemory m_memory;
    PruneReport m_report;
};

} // namespace

PruneReport prune(redcap::Client& client, pacs::QuerySession& session, const Settings& settings,
                  const PruneOrder& order)
{
    return Pruning{client, session, settings, order}.go();
}

} // namespace fiona::inventory
