// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcap/incoming.h"
#include "libfiona/store/spool.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/small_disk.h"
#include "tests/support/sorted_site.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// A site that is full of one old study after the other; study 1000 is assigned.
class FullSite {
public:
    static constexpr unsigned assigned = 1000;

    FullSite() : m_paths{m_site.config().paths}, m_disk{m_paths.data, "16m"}
    {
        m_site.set_redcap("rate_per_minute", 0); // otherwise the limit is what takes time
        m_site.start_redcap();
        for (const auto& directory : fiona::site::directories(m_paths)) {
            std::filesystem::create_directories(directory.path);
        }
        const fiona::store::Spool spool{m_paths.spool()};
        add(assigned);
        m_site.client(fiona::redcap::Role::incoming)
            ->import_records({{uid(assigned),
                               {},
                               "transfers",
                               1,
                               {{"transfer_project_name", "DEMO"},
                                {"transfer_name", "DEMO_0001"},
                                {"transfer_requested_date", "2024-01-02 10:30"}}}},
                             fiona::redcap::Overwrite::normal);
    }

    /// If not, a line `SKIPPED: why`.
    [[nodiscard]] bool is_possible() const
    {
        if (!m_disk.is_mounted()) {
            skip("only root mounts a small disk");
        }
        return m_disk.is_mounted();
    }
    [[nodiscard]] const Site& site() const { return m_site; }
    [[nodiscard]] const fiona::Paths& paths() const { return m_paths; }
    [[nodiscard]] std::vector<std::string> arguments() const
    {
        return {"--max-used", "1", "--config", m_site.config_file().native()};
    }
    /// Received so long ago.
    void add(unsigned number, std::chrono::minutes age = std::chrono::hours{24 * 30}) const
    {
        const auto study = uid(number);
        sort_object(m_paths, study, study + ".1", study + ".1.1");
        const auto object = archived(number) / ("MR." + study + ".1.1");
        std::ofstream{object} << std::string(300'000, 'x');
        const auto when = std::filesystem::file_time_type::clock::now() - age;
        std::filesystem::last_write_time(object, when);
        std::filesystem::last_write_time(archived(number), when);
        m_site.client(fiona::redcap::Role::incoming)
            ->import_records({{study, {}, {}, 0, {{"study_description", "MR"}}},
                              {study, {}, "series", 1, {{"series_instance_uid", study + ".1"}}}},
                             fiona::redcap::Overwrite::normal);
    }
    /// 2: whole, 0: gone.
    [[nodiscard]] int parts(unsigned number) const
    {
        return (std::filesystem::exists(archived(number) / ("MR." + uid(number) + ".1.1")) ? 1 : 0)
               + (std::filesystem::exists(m_paths.raw() / uid(number)) ? 1 : 0);
    }
    /// A row of the table of cleanup/study_removal.h: "stored", "given up" (its links lead nowhere) or "gone";
    /// anything else is what must never be.
    [[nodiscard]] std::string state(unsigned number) const
    {
        const bool is_here = std::filesystem::exists(archived(number));
        const bool is_whole =
            std::filesystem::exists(archived(number) / ("MR." + uid(number) + ".1.1"));
        const bool is_linked = std::filesystem::exists(m_paths.raw() / uid(number));
        if (is_here) {
            return !is_whole ? "half" : is_linked ? "stored" : "without links";
        }
        return is_linked ? "given up" : "gone";
    }
    [[nodiscard]] int clear() const
    {
        return m_site.run("fiona-clear-old", {"--max-used", "1"}).exit_code;
    }

private:
    static std::string uid(unsigned number)
    {
        return fmt::format("1.2.826.0.1.3680043.2.1125.{}", number);
    }
    [[nodiscard]] std::filesystem::path archived(unsigned number) const
    {
        return m_paths.archive() / ("scp_" + uid(number));
    }

    Site m_site;
    fiona::Paths m_paths;
    SmallDisk m_disk;
};
