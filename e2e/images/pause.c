/* First process of every pod: holds its namespaces and reaps what others leave behind. */
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

int main(void) {
    sigset_t heard;
    int number = 0;
    sigemptyset(&heard);
    sigaddset(&heard, SIGINT);
    sigaddset(&heard, SIGTERM);
    sigaddset(&heard, SIGCHLD);
    sigprocmask(SIG_BLOCK, &heard, NULL);
    do {
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
        sigwait(&heard, &number);
    } while (number == SIGCHLD);
    return 0;
}
