// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/cleanup/clear_old.h"
#include "libfiona/store/spool.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/sorted_site.h"

#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// A sorted site with its INCOMING, on a disk whose use is that of the archive and of somebody else.
/// Study n is older than study n + 1; all of them arrived a month before `now`.
class OldSite : public SortedSite {
public:
    explicit OldSite(unsigned studies)
    {
        const fiona::store::Spool spool{paths.spool()}; // as the daemons make it
        config.paths = paths;
        config.redcap.state_dir = paths.state();
        for (unsigned n = 1; n <= studies; ++n) {
            add(n);
        }
        order.mode = fiona::Mode::apply;
    }

    static fiona::StudyUid study(unsigned n)
    {
        return fiona::StudyUid{fmt::format("1.2.826.0.1.3680043.9.77.{}", n)};
    }

    /// As receiver and processor leave it, but for their syncs: a test makes hundreds of them.
    void add(unsigned n)
    {
        namespace fs = std::filesystem;
        const auto uid = study(n).str();
        const auto series = paths.raw() / uid / (uid + ".1");
        const auto person = paths.participants() / fmt::format("P'{} ; rm", n);
        const auto report = paths.srs() / "Vendor \"$(x)\"" / uid;
        for (const auto& directory : {archived(n), series, person, report}) {
            fs::create_directories(directory);
        }
        for (const auto* const number : {".1.1", ".1.2"}) {
            const auto object = archived(n) / ("MR." + uid + number);
            std::ofstream{object} << "no image";
            fs::create_symlink(object, series / (uid + number));
        }
        std::ofstream{paths.raw() / uid / (uid + ".1.json")} << "{}";
        fs::create_symlink(paths.raw() / uid, person / "20240102_101500");
        fs::create_symlink(series / (uid + ".1.1"), report / (uid + ".1.1"));
        recorded.insert(n);
        date(n);
    }
    /// Of the study's directory and files: the older the smaller `n` is.
    void date(unsigned n) const
    {
        namespace fs = std::filesystem;
        const auto when = fs::file_time_type::clock::now() - std::chrono::hours{24 * 30}
                          + std::chrono::minutes{n};
        const auto directory = archived(n);
        for (const auto& entry : fs::directory_iterator{directory}) {
            fs::last_write_time(entry.path(), when);
        }
        fs::last_write_time(directory, when);
    }

    [[nodiscard]] std::filesystem::path archived(unsigned n) const
    {
        return paths.archive() / ("scp_" + study(n).str());
    }
    /// In archive, raw, participants and srs: all or nothing, else -1.
    [[nodiscard]] int is_there(unsigned n) const
    {
        namespace fs = std::filesystem;
        int there = fs::exists(archived(n)) ? 1 : 0;
        there += fs::exists(paths.raw() / study(n).str()) ? 1 : 0;
        for (const auto& base : {paths.participants(), paths.srs()}) {
            there += count_links(base, study(n).str()) > 0 ? 1 : 0;
        }
        return there == 4 ? 1 : there == 0 ? 0 : -1;
    }
    [[nodiscard]] static std::size_t count_links(const std::filesystem::path& base,
                                                 const std::string& study)
    {
        std::size_t links = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator{base}) {
            links += entry.is_symlink()
                             && (std::filesystem::read_symlink(entry.path()).native() + "/")
                                        .find("/" + study + "/")
                                    != std::string::npos
                         ? 1U
                         : 0U;
        }
        return links;
    }
    [[nodiscard]] std::vector<unsigned> studies_there(unsigned most) const
    {
        std::vector<unsigned> there;
        for (unsigned n = 1; n <= most; ++n) {
            if (is_there(n) != 0) {
                there.push_back(n);
            }
        }
        return there;
    }

    [[nodiscard]] std::uint64_t archive_bytes() const
    {
        const fiona::store::Folder archive{paths.archive(), "the archive"};
        fiona::store::Amount amount;
        for (const auto& entry : archive.entries()) {
            amount += fiona::store::measure_tree(archive, entry.name); // directories only
        }
        return amount.bytes;
    }
    [[nodiscard]] fiona::store::DiskSpace disk() const
    {
        const auto used = others + archive_bytes();
        return {
            .free_bytes = size > used ? size - used : 0, .total_bytes = size, .used_bytes = used};
    }
    /// So big that the archive takes up `percent` of it now.
    void fill(unsigned percent) { size = archive_bytes() * 100 / percent + 1; }

    [[nodiscard]] std::unique_ptr<MemoryRedcap> redcap() const
    {
        auto server = std::make_unique<MemoryRedcap>(
            MemoryRedcap::incoming_fields(), std::vector<std::string>{"series", "transfers"});
        for (const auto n : recorded) {
            const auto uid = study(n).str();
            server->put({uid, "", "", 0, {{"study_description", "MR"}}});
            server->put({uid, "", "series", 1, {{"series_instance_uid", uid + ".1"}}});
        }
        for (const auto n : assigned) {
            server->put(transfer(n));
        }
        return server;
    }
    [[nodiscard]] static MemoryRedcap::Row transfer(unsigned n)
    {
        return {study(n).str(),
                "",
                "transfers",
                1,
                {{"transfer_project_name", "DEMO"},
                 {"transfer_name", fmt::format("DEMO_{}", n)},
                 {"transfer_requested_date", "2024-01-02 10:30"}}};
    }

    /// One run; `prepare` may put hooks on the server.
    fiona::cleanup::ClearOldReport clear(const std::function<void(MemoryRedcap&)>& prepare =
                                             [](MemoryRedcap&) {}) const
    {
        auto timed = order;
        timed.now = fiona::Clock::now();
        return fiona::cleanup::clear_old(config, timed,
                                         {.disk = [this] { return disk(); },
                                          .incoming =
                                              [&] {
                                                  auto server = redcap();
                                                  prepare(*server);
                                                  return server;
                                              }});
    }

    fiona::Config config;
    fiona::cleanup::ClearOldOrder order;
    std::set<unsigned> recorded; ///< in INCOMING, with all their series
    std::set<unsigned> assigned;
    std::uint64_t size = 0;
    std::uint64_t others = 0; ///< bytes that are not the archive's
};
