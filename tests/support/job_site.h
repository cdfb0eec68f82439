// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/kept_mapping.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/jobs/ror_folder.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/pacs_server.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/transfer_site.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Whether bubblewrap may make its sandbox here; says so if not.
inline bool has_sandbox()
{
    try {
        const auto run = fiona::run(
            {.arguments = {"bwrap", "--unshare-all", "--ro-bind", "/", "/", "--", "/bin/true"}});
        if (run.exit_code == 0) {
            return true;
        }
        skip("bubblewrap may not make namespaces here: " + run.err);
    } catch (const fiona::Error&) {
        skip("bubblewrap is not installed");
    }
    return false;
}

/// A site with de-identified studies, a research PACS, and small programs in place of containers.
class JobSite {
public:
    JobSite()
    {
        site.set("RESEARCH_PACS", fiona::json::Object{{"host", "127.0.0.1"},
                                                      {"port", pacs.port()},
                                                      {"aet", pacs.aet()},
                                                      {"timeout", 10}});
        set_jobs({});
        studies.emplace(site.config());
        std::filesystem::create_directories(programs());
    }

    void set_jobs(fiona::json::Object more)
    {
        more.emplace("engine", "process");
        site.set("JOBS", std::move(more));
    }

    [[nodiscard]] static std::string study_uid(int number)
    {
        return fmt::format("2.25.7433{}", number);
    }
    [[nodiscard]] static std::string participant(int number)
    {
        return fmt::format("DEMO_{:04}", number);
    }

    /// De-identified images of one series; `more` are elements of them. Those of another `study` are clinical:
    /// no transfer has made it.
    void add_study(int number, int images = 2, const std::map<std::string, std::string>& more = {},
                   const std::string& study = "") const
    {
        for (int i = 1; i <= images; ++i) {
            SmallImage image;
            image.study = study.empty() ? study_uid(number) : study;
            image.series = fmt::format("{}.1", image.study);
            image.sop = fmt::format("{}.1.{}", image.study, i);
            if (study.empty()) {
                note_as_sent(image.study);
            }
            image.more = {{"PatientID", participant(number)}, {"PatientName", participant(number)}};
            for (const auto& [key, value] : more) {
                image.more.insert_or_assign(key, value);
            }
            studies->add(image, {{"PatientID", image.more.at("PatientID")},
                                 {"PatientName", image.more.at("PatientName")}});
        }
    }

    /// As a transfer does before the first image leaves.
    void note_as_sent(const std::string& study) const
    {
        const fiona::json::Object uids{{"1.2.826.0.1.3680043.9.7433" + study.substr(4), study}};
        fiona::anonymize::KeptMappings{studies->paths().keys()}.keep(
            fiona::ProjectName{"DEMO"},
            fiona::json::write(fiona::json::Object{{"StudyInstanceUID", uids}}));
    }

    /// An image `NAME:1` that is a script; `limits` go into its entry of workflows.json.
    void add_image(const std::string& name, const std::string& script,
                   const fiona::json::Object& limits = {})
    {
        fiona::store::write_file(programs() / name, script);
        auto entry = limits;
        entry.emplace("call", fiona::json::Array{"/bin/sh", (programs() / name).native(), "{input}",
                                                 "{output}"});
        entry.emplace("read_only", fiona::json::Array{programs().native()});
        entry.emplace("memory", "2g");
        m_images.insert_or_assign(name + ":1", std::move(entry));
        const auto file = site.config().paths.config() / "workflows.json";
        fiona::store::write_file(file,
                                 fiona::json::write(fiona::json::Object{{"images", m_images}}));
    }

    /// New images of the input's study, as a segmentation makes them.
    [[nodiscard]] static std::string segment()
    {
        return "set -e\n"
               "for file in \"$1\"/*; do cp \"$file\" \"$2\"; done\n"
               "chmod u+w \"$2\"/*.dcm\n"
               "exec dcmodify -nb -gse -gin \"$2\"/*.dcm\n";
    }

    /// The line of a job over all of a study; `more` replaces keys.
    void list(const std::string& id, int study, const std::string& image,
              const fiona::json::Object& more = {}) const
    {
        fiona::json::Object line{{"type", "ror"},     {"project", "DEMO"},
                                 {"job_number", "0"}, {"image", image},
                                 {"user", "tester"},  {"date", "2026-03-01T10:00:00Z"},
                                 {"job_id", id},      {"study", study_uid(study)}};
        for (const auto& [key, value] : more) {
            line.insert_or_assign(key, value);
        }
        append(fiona::json::write(line));
    }
    /// Without the lock, as the Workflows page does.
    void append(const std::string& line) const
    {
        const auto file = list_file();
        std::filesystem::create_directories(file.parent_path());
        std::ofstream{file, std::ios::app} << line << '\n';
    }

    [[nodiscard]] Outcome run(std::vector<std::string> arguments = {}) const
    {
        return site.run("fiona-run-one-job", std::move(arguments));
    }
    [[nodiscard]] std::filesystem::path list_file() const { return site.config().paths.job_list(); }
    [[nodiscard]] std::filesystem::path programs() const { return site.root() / "programs"; }
    /// The output folder of a job of the project DEMO.
    [[nodiscard]] std::filesystem::path output(const std::string& id,
                                               const std::string& image) const
    {
        return fiona::jobs::output_of(site.root() / "export" / "Workflows" / "DEMO" / "ror"
                                      / fiona::jobs::folder_name("0", image, id));
    }
    /// What the shelf says of a job; null if it is not there.
    [[nodiscard]] fiona::json::Value
    shelved(const std::string& id,
            fiona::jobs::JobList::Shelf shelf = fiona::jobs::JobList::Shelf::done) const
    {
        const auto text =
            fiona::read_file_if_any(fiona::jobs::JobList{list_file()}.shelf(shelf)).value_or("");
        for (const auto line : fiona::split(text, '\n')) {
            if (!line.empty()) {
                auto value = fiona::json::parse(line, "shelf");
                if (value.text("job_id") == id) {
                    return value;
                }
            }
        }
        return {};
    }

    PacsServer pacs;
    Site site;
    std::optional<TransferSite> studies;

private:
    fiona::json::Object m_images;
};
