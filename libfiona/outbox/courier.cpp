// SPDX-License-Identifier: MIT
#include "libfiona/outbox/courier.h"

#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/md5.h"
#include "libfiona/outbox/item.h"
#include "libfiona/outbox/quarantine.h"
#include "libfiona/outbox/state.h"
#include "libfiona/sftp/connection.h"
#include "libfiona/sftp/server_list.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <utility>

namespace fiona::outbox {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

constexpr hours time_for_a_digest{1}; ///< whoever writes an item may still write it
constexpr hours time_to_confirm{24};  ///< the server makes its list now and then
constexpr hours longest_rest{24};
constexpr minutes first_rest{30};
constexpr unsigned stuck_after = 20; ///< attempts
constexpr std::size_t longest_list = std::size_t{64} << 20U;

Clock::duration rest_after(unsigned attempts)
{
    constexpr unsigned most_doublings = 6; // more would pass a day
    return std::min<Clock::duration>(first_rest * (1U << std::min(attempts - 1, most_doublings)),
                                     longest_rest);
}

Entry entry_of(const OpenFile& data)
{
    Entry entry;
    entry.md5 = md5_of(data);
    entry.identity = data.identity;
    return entry;
}

using List = std::map<std::string, std::string, std::less<>>;

/// One run.
class Courier {
public:
    Courier(const Wishes& wishes, TimePoint now)
        : m_wishes{wishes}, m_now{now}, m_deadline{std::chrono::steady_clock::now()
                                                   + wishes.server.time_limit}
    {
        if (!fs::is_directory(wishes.outbox)) {
            throw Error{Fault::missing, "there is no outbox {}", wishes.outbox.native()};
        }
        if (wishes.mode == Mode::apply) {
            m_lock.emplace(wishes.outbox / ".lock");
        }
        m_entries = load_state(wishes.outbox);
        m_saved = m_entries;
    }

    Report run()
    {
        const auto scanned = scan(m_wishes.outbox);
        for (const auto& name : scanned.refused) {
            reject({name, {name}, "no name for an item, or no regular file"});
        }
        std::vector<const Item*> ready;
        for (const auto& item : scanned.items) {
            guarded(item, [&] {
                if (is_ready(item)) {
                    ready.push_back(&item);
                }
            });
        }
        forget_others(scanned.items);
        if (m_wishes.mode == Mode::dry_run) {
            for (const auto* const item : ready) {
                tell(*item, "would send", "");
            }
        } else if (!ready.empty()) {
            bring(ready);
        }
        save();
        return std::move(m_report);
    }

private:
    // ---- what is here

    /// Whether it is whole and may be sent now; if not, the report says why.
    bool is_ready(const Item& item)
    {
        if (!item.has_data) {
            return finish_move(item);
        }
        if (is_younger(item.newest, m_now, m_wishes.settle)) {
            tell(item, "waits", "it is still being written");
            return false;
        }
        const auto data = open_file(path_of(item, data_ending));
        if (!data) {
            return false; // it went while we looked
        }
        const auto known = m_entries.find(item.base);
        if (!item.has_digest) {
            return make_digest(item, *data, known == m_entries.end() ? "" : known->second.md5);
        }
        const auto promised = sftp::md5_of_line(read_file(path_of(item, digest_ending), 4096));
        auto entry = known == m_entries.end() ? Entry{} : known->second;
        if (entry.identity != data->identity || entry.md5 != promised) {
            entry = entry_of(*data);
        }
        if (entry.md5 != promised) {
            corrupt(item, "its data is not what its digest says");
            return false;
        }
        m_entries[item.base] = entry;
        if (m_wishes.rest == Wishes::Rest::respect
            && is_awaited(entry.next_try, m_now, longest_rest)) {
            tell(item, "waits", fmt::format("it failed {} times: {}", entry.attempts, entry.error));
            return false;
        }
        return true;
    }

    /// For an item that was put here without one. What we have seen before must still be the same.
    bool make_digest(const Item& item, const OpenFile& data, const std::string& seen)
    {
        if (is_younger(item.newest, m_now, time_for_a_digest)) {
            tell(item, "waits", "it has no digest yet");
            return false;
        }
        const auto entry = entry_of(data);
        if (!seen.empty() && seen != entry.md5) {
            corrupt(item, "its data is not what it was");
            return false;
        }
        m_entries[item.base] = entry;
        if (m_wishes.mode == Mode::apply) {
            store::write_file(path_of(item, digest_ending),
                              fmt::format("{} *{}{}\n", entry.md5, item.base, data_ending));
        }
        return true;
    }

    /// A digest alone: we died while its item went to done/, or its data was never here.
    bool finish_move(const Item& item)
    {
        if (item.has_digest && open_file(m_wishes.done / (item.base + std::string{data_ending}))) {
            if (m_wishes.mode == Mode::apply) {
                move_to_done(item);
            }
            ++m_report.confirmed;
            tell(item, "confirmed", "moved the rest");
        } else {
            tell(item, "waits", "it has no data");
        }
        return false;
    }

    void corrupt(const Item& item, const std::string& reason)
    {
        std::vector<std::string> names;
        for (const auto ending : {data_ending, description_ending, digest_ending}) {
            names.push_back(item.base + std::string{ending});
        }
        reject({item.base, std::move(names), reason});
        m_entries.erase(item.base);
    }

    void reject(Reject reject)
    {
        log::error("item_set_aside", {{"item", reject.name}, {"reason", reject.reason}});
        ++m_report.corrupt;
        m_report.worst = m_report.worst.value_or(Fault::data);
        if (m_wishes.mode == Mode::apply) {
            set_aside(m_wishes.outbox, reject, m_now);
        }
        m_report.items.push_back({std::move(reject.name), "corrupt", std::move(reject.reason)});
    }

    void forget_others(const std::vector<Item>& items)
    {
        std::erase_if(m_entries, [&](const auto& entry) {
            return std::ranges::find(items, entry.first, &Item::base) == items.end();
        });
    }

    // ---- the other side

    void bring(const std::vector<const Item*>& ready)
    {
        sftp::Connection connection{m_wishes.server, m_deadline};
        connection.check(m_wishes.server.remote);
        List list;
        if (m_wishes.server.verify == SftpConfig::Verify::server_md5) {
            const auto archive =
                connection.read(m_wishes.server.remote + "/md5server_cache.tar", longest_list);
            list = archive ? sftp::read_server_list(*archive) : List{};
        }
        m_stopped = false; // what could not be read here has nothing to do with the server
        for (const auto* const item : ready) {
            if (m_stopped) {
                tell(*item, "waits", "the server failed before its turn");
                continue;
            }
            guarded(*item, [&] { bring(*item, connection, list); });
        }
    }

    void bring(const Item& item, sftp::Connection& connection, const List& list)
    {
        auto& entry = m_entries.at(item.base);
        const auto data = open_file(path_of(item, data_ending));
        if (!data || data->identity != entry.identity) {
            tell(item, "waits", "it changed while we looked");
            return;
        }
        using enum SftpConfig::Verify;
        const auto verify = m_wishes.server.verify;
        if (verify == server_md5 && has_right_digest(item, entry, list)) {
            confirm(item);
            return;
        }
        if (!is_there(item, entry, *data, connection)) {
            upload(item, entry, *data, connection);
        }
        if (verify == size || (verify == readback && is_same(item, entry, connection))) {
            confirm(item);
        } else {
            tell(item, m_has_sent_data ? "sent" : "waits", "the server has not confirmed it yet");
        }
    }

    [[nodiscard]] static bool has_right_digest(const Item& item, Entry& entry, const List& list)
    {
        const auto found = list.find(item.base);
        if (found != list.end() && found->second != entry.md5 && entry.uploaded) {
            log::warn("digest_differs",
                      {{"item", item.base}, {"what", "the server's; sent again"}});
            entry.uploaded.reset();
            entry.sent.clear();
            entry.begun.clear();
        }
        return found != list.end() && found->second == entry.md5;
    }

    [[nodiscard]] bool is_there(const Item& item, const Entry& entry, const OpenFile& data,
                                sftp::Connection& connection) const
    {
        return entry.uploaded && is_younger(*entry.uploaded, m_now, time_to_confirm)
               && connection.size(remote_of(item, data_ending)) == data.bytes;
    }

    void upload(const Item& item, Entry& entry, const OpenFile& data, sftp::Connection& connection)
    {
        const auto target = remote_of(item, data_ending);
        if (entry.sent != entry.md5 || connection.size(target) != data.bytes) {
            const auto offset = offset_of(target, entry, data, connection);
            entry.begun = entry.md5;
            save();
            put(connection, data, target, offset);
            entry.sent = entry.md5;
            entry.begun.clear();
            save();
            m_report.bytes_sent += data.bytes - offset;
        }
        for (const auto ending : {description_ending, digest_ending}) {
            if (const auto file = open_file(path_of(item, ending))) {
                put(connection, *file, remote_of(item, ending), 0);
            }
        }
        entry.uploaded = m_now;
        entry.attempts = 0;
        entry.error.clear();
        save();
        ++m_report.sent;
        m_has_sent_data = true;
        log::info("item_sent", {{"item", item.base}, {"bytes", data.bytes}});
    }

    /// How much of this very content the server has in its .part. A disk that fills up may take a later
    /// piece and not the one before, so its length says nothing: what is there is read back.
    [[nodiscard]] static std::uint64_t offset_of(const std::string& target, const Entry& entry,
                                                 const OpenFile& data, sftp::Connection& connection)
    {
        if (entry.begun != entry.md5) {
            return 0;
        }
        Md5 digest;
        std::uint64_t bytes = 0;
        const bool is_there = connection.read(target + ".part", [&](std::string_view piece) {
            digest.add(piece);
            bytes += piece.size();
        });
        const bool is_start =
            is_there && bytes <= data.bytes && digest.finish() == md5_of(data, bytes);
        return is_start ? bytes : 0;
    }

    static void put(sftp::Connection& connection, const OpenFile& file, const std::string& target,
                    std::uint64_t offset)
    {
        const auto part = target + ".part";
        connection.write(part, {.fd = file.fd.get(),
                                .bytes = file.bytes,
                                .offset = offset,
                                .modified = file.modified});
        if (connection.size(part) != file.bytes) {
            throw Error{Fault::temporary, "the server has not all of a file (a full disk?)"};
        }
        connection.rename(part, target);
    }

    [[nodiscard]] bool is_same(const Item& item, Entry& entry, sftp::Connection& connection) const
    {
        Md5 digest;
        const bool is_there = connection.read(remote_of(item, data_ending),
                                              [&](std::string_view bytes) { digest.add(bytes); });
        if (is_there && digest.finish() == entry.md5) {
            return true;
        }
        entry.uploaded.reset();
        entry.sent.clear();
        throw Error{Fault::protocol, "the server gives back something else than it got"};
    }

    // ---- the end of it

    void confirm(const Item& item)
    {
        move_to_done(item);
        m_entries.erase(item.base);
        ++m_report.confirmed;
        if (m_has_sent_data) {
            --m_report.sent;
        }
        tell(item, "confirmed", "");
        log::info("item_confirmed", {{"item", item.base}});
    }

    /// Exactly its files: another item's name may begin with the same letters.
    void move_to_done(const Item& item) const
    {
        make_directories(m_wishes.done);
        for (const auto ending : {data_ending, description_ending, digest_ending}) {
            const auto from = path_of(item, ending);
            if (fs::exists(fs::symlink_status(from))) {
                move_file(from, m_wishes.done / from.filename());
            }
        }
    }

    /// A server that is away or will not have us is so for the next item too; a file that cannot be read
    /// is not.
    [[nodiscard]] static bool concerns_all(Fault fault)
    {
        return fault != Fault::data && fault != Fault::protocol && fault != Fault::io;
    }

    /// Catches per item. What every other item would meet too stops the run.
    void guarded(const Item& item, const auto& work)
    {
        m_has_sent_data = false;
        try {
            work();
        } catch (const Error& e) {
            const bool is_over = std::chrono::steady_clock::now() >= m_deadline;
            m_stopped = is_over || concerns_all(e.fault());
            ++m_report.failed;
            m_report.worst = m_report.worst.value_or(e.fault());
            tell(item, is_over ? "waits" : "failed", e.what());
            log::error("item_failed", {{"item", item.base}, {"reason", e.what()}});
            if (!is_over) {
                note_failure(item, e);
            }
        }
    }

    void note_failure(const Item& item, const Error& error)
    {
        constexpr hours alarm_interval{24};
        const auto found = m_entries.find(item.base);
        if (found == m_entries.end()) {
            return;
        }
        auto& entry = found->second;
        ++entry.attempts;
        entry.next_try = m_now + rest_after(entry.attempts);
        entry.error = error.what();
        if (entry.attempts >= stuck_after && !is_younger(entry.alarmed, m_now, alarm_interval)) {
            entry.alarmed = m_now;
            log::error("item_stuck", {{"item", item.base}, {"attempts", entry.attempts}});
        }
        save();
    }

    void tell(const Item& item, const std::string& outcome, const std::string& detail)
    {
        m_report.waiting += outcome == "waits" ? 1U : 0U;
        std::error_code gone;
        const auto bytes = fs::file_size(path_of(item, data_ending), gone);
        m_report.items.push_back({item.base, outcome, detail, gone ? 0 : bytes});
    }

    void save()
    {
        if (m_wishes.mode == Mode::apply && m_entries != m_saved) {
            save_state(m_wishes.outbox, m_entries);
            m_saved = m_entries;
        }
    }

    [[nodiscard]] fs::path path_of(const Item& item, std::string_view ending) const
    {
        return m_wishes.outbox / (item.base + std::string{ending});
    }
    [[nodiscard]] std::string remote_of(const Item& item, std::string_view ending) const
    {
        return fmt::format("{}/{}{}", m_wishes.server.remote, item.base, ending);
    }

    const Wishes& m_wishes;
    TimePoint m_now;
    std::chrono::steady_clock::time_point m_deadline;
    std::optional<FileLock> m_lock;
    Entries m_entries;
    Entries m_saved;
    bool m_stopped = false;
    bool m_has_sent_data = false; ///< of the item in hand, in this run
    Report m_report;
};

} // namespace

Report empty_outbox(const Wishes& wishes, TimePoint now)
{
    return Courier{wishes, now}.run();
}

} // namespace fiona::outbox
