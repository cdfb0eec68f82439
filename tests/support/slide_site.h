// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/child_process.h"
#include "tests/support/demo_site.h"
#include "tests/support/pacs_server.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// dcmqrscp that takes JPEG as it is: it never does unless it is told.
class SlidePacs : public PacsServer {
public:
    SlidePacs() : PacsServer{{}, {"--prefer-jpeg8"}} {}
};

/// A demo site with its REDCap, whose research PACS is the test's, and a folder for the import of slides.
/// Nothing waits: an image is whole at once, and another try may follow at once.
class SlideSite {
public:
    using Values = fiona::json::Object;

    explicit SlideSite(std::uint16_t pacs_port, const std::string& aet = "RESEARCH")
    {
        std::filesystem::create_directories(import());
        set_pacs(pacs_port, aet);
        set_pathology({});
    }

    void set_pacs(std::uint16_t port, const std::string& aet = "RESEARCH")
    {
        auto document =
            fiona::json::parse(fiona::read_file(demo.config_file), "the site's config").object();
        document["RESEARCH_PACS"] = Values{{"host", "127.0.0.1"},
                                           {"port", port},
                                           {"aet", aet},
                                           {"calling_aet", "FIONA"},
                                           {"timeout", 10}};
        // Calls are counted a minute: a test makes those of an hour.
        document["REDCAP"].object()["rate_per_minute"] = 0;
        document["REDCAP"].object()["deadline"] = 3;
        fiona::store::write_file(demo.config_file, fiona::json::write(document));
    }
    void set_pathology(const Values& more) const
    {
        Values settings{{"import_roots", fiona::json::Array{import().native()}},
                        {"quiet_seconds", 0},
                        {"attempts", 3},
                        {"first_wait", 0},
                        {"longest_wait", 0}};
        for (const auto& [key, value] : more) {
            settings[key] = value;
        }
        fiona::store::write_file(demo.config.paths.config() / "pathology.json",
                                 fiona::json::write(settings));
    }

    [[nodiscard]] std::filesystem::path attach() const
    {
        return demo.config.paths.applications / "Attach";
    }
    [[nodiscard]] std::filesystem::path import() const
    {
        return std::filesystem::path{demo.root} / "pathology-import";
    }

    /// The JSON of an upload with what is required, and `more` over it.
    [[nodiscard]] static Values values(const std::string& file, const Values& more = {})
    {
        Values all{{"file", "uploads/" + file},
                   {"project_name", "DEMO"},
                   {"record_id", "DEMO_001"},
                   {"redcap_event_name", "Baseline"},
                   {"patho_block_nr", "05"},
                   {"patho_stain", "[12710003] 06 HE"},
                   {"patho_biopsy_nr", "02"},
                   {"patho_biopsy_id", "0002"},
                   {"patho_slide_id", "0003"},
                   {"patho_slide_nr", "06"},
                   {"patho_specimen", "Kidney [64033007]"},
                   {"patho_rek", "2020/123"},
                   {"patho_department", "DEP"},
                   {"patho_databaseid", "77"},
                   {"patho_image_id", "0004"},
                   {"project_pat_import_folder", ""},
                   {"do_not_remove_macro_image", "0"},
                   {"a_key_of_tomorrow", "kept as it is"}};
        for (const auto& [key, value] : more) {
            all[key] = value;
        }
        return all;
    }
    /// As the Attach page does: the image, then `<stem>.json`.
    void put(const std::string& stem, const std::filesystem::path& slide,
             const Values& more = {}) const
    {
        std::filesystem::create_directories(attach() / "uploads");
        std::filesystem::copy_file(slide, attach() / "uploads" / (stem + ".svs"),
                                   std::filesystem::copy_options::overwrite_existing);
        put_json(stem, fiona::json::write(values(stem + ".svs", more)));
    }
    void put_json(const std::string& stem, const std::string& text) const
    {
        std::filesystem::create_directories(attach() / "uploads");
        fiona::store::write_file(attach() / "uploads" / (stem + ".json"), text);
    }

    // NOLINTNEXTLINE(modernize-use-nodiscard) some runs are made for their effect
    Outcome run(std::vector<std::string> arguments = {"run"}) const
    {
        return demo.run("fiona-process-tiff", std::move(arguments));
    }
    [[nodiscard]] std::vector<std::string> command() const
    {
        return {built_program("fiona-process-tiff"), "run", "--config", demo.config_file};
    }

    /// Visible files below a folder of Attach, but for the status files.
    [[nodiscard]] std::vector<std::string> names(const std::string& folder) const
    {
        std::vector<std::string> found;
        std::error_code absent;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator{attach() / folder, absent}) {
            const auto name = entry.path().filename().native();
            if (entry.is_regular_file() && !name.ends_with(".status.json")) {
                found.push_back(name);
            }
        }
        std::ranges::sort(found);
        return found;
    }
    [[nodiscard]] fiona::json::Value done(const std::string& stem) const
    {
        return fiona::json::parse(fiona::read_file(attach() / "uploads_done" / (stem + ".json")),
                                  stem);
    }
    /// What the work left behind in the site's temporary directory.
    [[nodiscard]] std::vector<std::string> workspaces() const
    {
        std::vector<std::string> found;
        std::error_code absent;
        for (const auto& entry :
             std::filesystem::directory_iterator{demo.config.paths.temporary(), absent}) {
            const auto name = entry.path().filename().native();
            if (name.starts_with("slide-")) {
                found.push_back(name);
            }
        }
        return found;
    }

    /// The project's instances of slides, straight from its REDCap.
    [[nodiscard]] std::vector<fiona::redcap::Row> slides() const
    {
        const auto dtp = fiona::redcap::connect(demo.config.redcap, fiona::redcap::Role::dtp);
        const auto project =
            fiona::redcap::research_project(*dtp, fiona::ProjectName{"DEMO"}).token.value();
        auto rows = fiona::redcap::connect(demo.config.redcap, project)->export_records({});
        std::erase_if(rows, [](const auto& row) { return row.instrument != "pathology"; });
        return rows;
    }
    [[nodiscard]] std::vector<fiona::redcap::Row> incoming(const std::string& instrument) const
    {
        auto rows = fiona::redcap::connect(demo.config.redcap, fiona::redcap::Role::incoming)
                        ->export_records({});
        std::erase_if(rows, [&](const auto& row) { return row.instrument != instrument; });
        return rows;
    }
    [[nodiscard]] std::size_t receipts() const
    {
        std::size_t count = 0;
        std::error_code absent;
        for (const auto& entry :
             std::filesystem::directory_iterator{demo.config.paths.receipts(), absent}) {
            count += entry.path().extension() == ".json" ? 1U : 0U;
        }
        return count;
    }

    DemoSite demo{};
};
