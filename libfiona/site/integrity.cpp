// SPDX-License-Identifier: MIT
#include "libfiona/site/integrity.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/study_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace fiona::site {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::hours oldest_work{24}; // no tool writes one file for so long

class Inspection {
public:
    Inspection(const Paths& paths, TimePoint now, Mode mode)
        : m_paths{paths}, m_now{now}, m_mode{mode}
    {
    }

    Integrity run()
    {
        inspect_tree();
        for (const auto& root : {m_paths.participants(), m_paths.srs()}) {
            inspect_links(root);
        }
        for (const auto& directory : {m_paths.requests(), m_paths.held()}) {
            inspect_requests(directory);
        }
        for (const auto& root :
             {m_paths.archive(), m_paths.raw(), m_paths.requests(), m_paths.state()}) {
            inspect_remains(root);
        }
        return std::move(m_result);
    }

private:
    void add(Damage::Kind kind, const fs::path& path, std::string remedy)
    {
        m_result.damage.push_back({kind, path, std::move(remedy), false});
    }

    /// Removes what was just added.
    void mend_by_removal()
    {
        if (m_mode == Mode::apply) {
            auto& last = m_result.damage.back();
            std::error_code problem;
            last.is_mended = fs::remove(last.path, problem);
        }
    }

    void inspect_link(const fs::path& link)
    {
        ++m_result.links;
        std::error_code problem;
        const auto target = fs::read_symlink(link, problem);
        const auto whole =
            (target.is_absolute() ? target : link.parent_path() / target).lexically_normal();
        const auto inside =
            whole.native().starts_with(m_paths.site().lexically_normal().native() + "/");
        if (!inside) {
            add(Damage::Kind::stray_link, link, "it leads out of the site: look at it, remove it");
        } else if (!fs::exists(link, problem)) {
            add(Damage::Kind::dangling_link, link,
                problem ? "its object cannot be looked at: is its disk there?"
                        : "its object has left the archive: fiona-clear-stale-links removes the "
                          "link");
        }
    }

    void inspect_tree()
    {
        const store::StudyTree tree{m_paths};
        for (const auto& study : tree.studies()) {
            ++m_result.studies;
            for (const auto& series : tree.series(study)) {
                ++m_result.series;
                const auto links = tree.instances(study, series.uid);
                const auto json = tree.series_json(study, series.uid);
                std::error_code problem;
                if (!fs::exists(json, problem)) {
                    add(Damage::Kind::missing_json, json,
                        "fiona-process-file reclassify makes it anew");
                } else if (!series.properties) {
                    add(Damage::Kind::broken_json, json,
                        "fiona-process-file reclassify makes it anew");
                }
                for (const auto& link : links) {
                    if (fs::is_symlink(link, problem)) {
                        inspect_link(link);
                    }
                }
            }
        }
    }

    void inspect_links(const fs::path& root)
    {
        std::error_code problem;
        if (!fs::is_directory(root, problem)) {
            return;
        }
        std::vector<fs::path> links; // removing while iterating is not defined
        for (const auto& entry : fs::recursive_directory_iterator{root}) {
            if (entry.is_symlink(problem)) {
                links.push_back(entry.path());
            }
        }
        for (const auto& link : links) {
            inspect_link(link);
        }
    }

    void inspect_requests(const fs::path& directory)
    {
        std::error_code problem;
        if (!fs::is_directory(directory, problem)) {
            return;
        }
        const store::StudyTree tree{m_paths};
        std::vector<fs::path> files;
        for (const auto& entry : fs::directory_iterator{directory}) {
            const auto name = entry.path().filename().native();
            const bool is_side_file =
                name.ends_with(".state.json") || name.ends_with(".result.json");
            if (entry.is_regular_file(problem) && name.ends_with(".json") && !is_side_file
                && !name.starts_with(".")) {
                files.push_back(entry.path());
            }
        }
        std::ranges::sort(files);
        for (const auto& file : files) {
            ++m_result.requests;
            inspect_request(file, tree);
        }
    }

    void inspect_request(const fs::path& file, const store::StudyTree& tree)
    {
        try {
            const auto text = read_file_if_any(file);
            if (!text) {
                return; // a worker took it meanwhile
            }
            const auto request = store::TransferRequest::parse(*text, file.filename().native());
            if (!tree.has_study(request.study)) {
                add(Damage::Kind::waiting_request, file,
                    "its study is not here: have it sent again, or drop the request");
            }
        } catch (const Error& error) {
            if (error.fault() != Fault::data) {
                throw;
            }
            add(Damage::Kind::broken_request, file, "nobody can work on it: set it aside");
            set_aside(file);
        }
    }

    void set_aside(const fs::path& file)
    {
        if (m_mode == Mode::apply) {
            make_directories(m_paths.failed());
            std::error_code problem;
            fs::rename(file, m_paths.failed() / (file.filename().native() + "_fail.log"), problem);
            m_result.damage.back().is_mended = !problem;
        }
    }

    void inspect_remains(const fs::path& root)
    {
        std::error_code problem;
        if (!fs::is_directory(root, problem)) {
            return;
        }
        std::vector<fs::path> old;
        for (const auto& entry : fs::recursive_directory_iterator{root}) {
            const auto name = entry.path().filename().native();
            struct stat status {};
            if (name.starts_with(".") && name.ends_with(".part")
                && ::lstat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode)
                && Clock::from_time_t(status.st_mtime) + oldest_work < m_now) {
                old.push_back(entry.path());
            }
        }
        for (const auto& part : old) {
            add(Damage::Kind::remains, part, "its writer died: remove it");
            mend_by_removal();
        }
    }

    const Paths& m_paths;
    TimePoint m_now;
    Mode m_mode;
    Integrity m_result;
};

} // namespace

std::string_view name_of(Damage::Kind kind)
{
    constexpr std::array<std::string_view, 7> names{
        "dangling link",  "link out of the site",  "missing JSON", "broken JSON",
        "broken request", "request without study", "remains"};
    return names.at(static_cast<std::size_t>(kind));
}

Integrity check_integrity(const Paths& paths, TimePoint now, Mode mode)
{
    return Inspection{paths, now, mode}.run();
}

} // namespace fiona::site
